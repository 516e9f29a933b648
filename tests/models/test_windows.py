"""Where windows lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from pipeline.grid import Grid
from pipeline.models.windows import Windows, cut, starts, weights

LENGTHS = st.integers(1, 60)
OVERLAPS = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75])


@given(LENGTHS, st.integers(1, 20), OVERLAPS)
def test_every_voxel_is_in_a_window_and_neighbours_overlap_as_asked(n: int, patch: int, overlap: float) -> None:
    at = starts(n, patch, overlap)
    if n <= patch:
        assert len(at) == 1
        assert at[0] <= 0
        assert at[0] + patch >= n
        return
    assert at[0] == 0
    assert at[-1] == n - patch
    steps = np.diff(at)
    assert steps.min() >= 1
    # Rounded to voxels, two windows lie at most one voxel further apart than the step that was asked for.
    assert steps.max() <= max(1, np.ceil(patch * (1 - overlap)))


def test_starts_are_those_of_nnu_net() -> None:
    """``compute_steps_for_sliding_window`` for image 110, patch 64, step 0.5, as its source has it in an example."""
    assert starts(110, 64, 0.5) == (0, 23, 46)


@pytest.mark.parametrize(("length", "patch"), [(3, 8), (4, 8), (1, 2), (7, 8), (8, 8)])
def test_what_is_too_short_is_padded_as_nnu_net_and_monai_do(length: int, patch: int) -> None:
    """Half of what is missing before it, rounded down, the rest behind it."""
    assert starts(length, patch, 0.5) == (-((patch - length) // 2),)
    low, high = (patch - length) // 2, patch - length - (patch - length) // 2
    line = Grid(np.eye(4), (length, 1, 1))
    padded = cut(np.ones((length, 1, 1)), line, line.crop((-low, 0, 0), (length + high, 1, 1)))
    assert padded[:, 0, 0].tolist() == [0] * low + [1] * length + [0] * high


def test_weights_are_a_gaussian_with_a_floor() -> None:
    gauss = weights((8, 16, 4))
    assert gauss.dtype == np.float32
    assert gauss.max() <= 1
    assert gauss.min() >= 1e-3 - 1e-6
    assert np.array_equal(gauss, gauss[::-1, ::-1, ::-1])
    x = (np.arange(16) - 7.5) / 2
    assert np.allclose(gauss[3, :, 1] / gauss[3, :, 1].max(), np.exp(-x * x / 2) / np.exp(-0.125 / 4), atol=2e-3)


@pytest.mark.parametrize("patch", [(8, 16, 4), (1, 32, 24), (9, 7, 20)])
def test_weights_about_a_voxel_are_those_of_nnu_net(patch: tuple[int, int, int]) -> None:
    """Its ``compute_gaussian``: SciPy's filter of one voxel in the middle, the upper of two."""
    one = np.zeros(patch)
    one[tuple(n // 2 for n in patch)] = 1
    oracle = gaussian_filter(one, [n / 8 for n in patch], mode="constant")
    np.testing.assert_allclose(weights(patch, "voxel"), oracle / oracle.max(), rtol=1e-5, atol=0)


@given(st.tuples(LENGTHS, LENGTHS, LENGTHS), OVERLAPS, st.data())
def test_layers_hold_each_window_of_a_region_once_and_end_for_good(
    shape: tuple[int, int, int], overlap: float, data: st.DataObject
) -> None:
    grid = Grid(np.eye(4), shape, (3, -2, 5))
    windows = Windows(grid, (8, 6, 10), overlap)
    start = [data.draw(st.integers(0, n - 1)) for n in shape]
    region = grid.crop(start, [data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)])
    layers = windows.layers(region)
    flat = [w for layer in layers for w in layer]
    assert len(set(flat)) == len(flat)
    assert all(region.clip(w).size for w in flat)
    seen = np.zeros(region.shape, int)
    for w in flat:
        seen[region.slices(region.clip(w))] += 1
    assert seen.min() >= 1
    firsts = [layer[0].start[windows.axis] for layer in layers]
    assert firsts == sorted(set(firsts))
    hull = windows.hull(region)
    assert all(hull.clip(grid.clip(w)) == grid.clip(w) for w in flat)


def test_what_sticks_out_is_zero() -> None:
    grid = Grid(np.eye(4), (2, 3, 4))
    array = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)
    window = grid.crop((-1, 0, 2), (2, 2, 6))
    patch = cut(array, grid, window)
    assert patch.flags.c_contiguous
    assert not patch[0].any()
    assert not patch[:, :, 2:].any()
    assert np.array_equal(patch[1:, :, :2], array[:, :2, 2:])
