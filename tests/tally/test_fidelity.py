"""Fidelity: scikit-image as oracle, and any cut gives the whole."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pipeline.grid import Grid
from pipeline.kernels.quality import LEVELS, quantise
from pipeline.tally import Fidelity


def images(grid, seed=0):
    rng = np.random.default_rng(seed)
    k, j, i = np.indices(grid.shape)
    a = (400 * np.sin(k / 2 + j / 5) + 300 * np.cos(i / 4)).astype("f4")
    return a, (a + rng.normal(0, 40, grid.shape)).astype("f4")


@given(
    st.tuples(*[st.integers(1, 24)] * 3),
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.integers(-5, 5)] * 3),
    st.integers(0, 99),
)
@settings(max_examples=50)
def test_any_cut_gives_the_whole(shape, block, start, seed):
    grid = Grid(np.eye(4), shape, start)
    a, b = (quantise(x, -700, 700) for x in images(grid, seed))
    parts = []
    for piece in grid.blocks(block):
        held = grid.slices(Fidelity.reach(piece, grid))
        parts.append(Fidelity.of(a[held], b[held], piece, grid))
    total = reduce(Fidelity.__add__, reversed(parts), Fidelity())
    assert total == Fidelity.of(a, b, grid, grid)
    assert total.voxels == grid.size


def test_equals_scikit_image():
    grid = Grid(np.eye(4), (12, 20, 30))
    a, b = images(grid)
    made = Fidelity.of(quantise(a, -900, 900), quantise(b, -900, 900), grid, grid, stride=1)
    _, full = structural_similarity(a + 900.0, b + 900.0, data_range=1800, full=True)
    inner = full[3:-3, 3:-3, 3:-3]
    assert made.ssim_global == pytest.approx(inner.mean(), abs=1e-4)
    assert made.ssim_local_min == pytest.approx(inner.min(), abs=1e-3)
    assert made.psnr_db == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1800), abs=1e-2)
    assert made.mae(1800) == pytest.approx(np.abs(a - b).mean(), rel=1e-3)
    assert made.rmse(1800) == pytest.approx(np.sqrt(((a - b) ** 2).mean()), rel=1e-3)


def test_one_step_everywhere():
    grid = Grid(np.eye(4), (7, 7, 7))
    a = np.zeros(grid.shape, "i2")
    made = Fidelity.of(a, a + np.int16(1), grid, grid)
    assert made.mae(LEVELS) == made.rmse(LEVELS) == 1
    assert made.psnr_db == pytest.approx(20 * np.log10(LEVELS))
    assert made.windows == 1


def test_equal_images():
    grid = Grid(np.eye(4), (8, 8, 8))
    a = quantise(images(grid)[0], -700, 700)
    made = Fidelity.of(a, a, grid, grid)
    assert (made.ssim_global, made.ssim_local_min, made.psnr_db, made.mae(1400), made.rmse(1400)) == (1, 1, None, 0, 0)


def test_nothing_has_no_fidelity():
    grid = Grid(np.eye(4), (8, 8, 8))
    a = quantise(images(grid)[0], -700, 700, np.zeros(grid.shape, "u1"))
    for made in (Fidelity(), Fidelity.of(a, a, grid, grid)):
        assert made == Fidelity()
        assert [made.ssim_global, made.ssim_local_min, made.psnr_db, made.mae(1), made.rmse(1)] == [None] * 5


def test_an_x_ray_has_windows_of_one_slice():
    grid = Grid(np.eye(4), (1, 30, 40))
    a, b = (quantise(x, -700, 700) for x in images(grid))
    assert Fidelity.of(a, b, grid, grid).windows == 6 * 9
    assert Fidelity.reach(grid.crop((0, 0, 0), (1, 8, 8)), grid).shape == (1, 14, 14)
