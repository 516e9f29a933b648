"""Holes: SciPy's ``binary_fill_holes`` as oracle, in 3-D and plane by plane."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.kernels.holes import holes

MASKS = st.builds(
    lambda shape, seed, share: np.random.default_rng(seed).random(shape) < share,
    st.tuples(st.integers(1, 7), st.integers(1, 7), st.sampled_from([1, 3, 8, 65, 70])),
    st.integers(0, 2**32),
    st.sampled_from([0, 0.3, 0.6, 0.8, 1]),
)


@given(MASKS)
def test_equals_scipy(mask):
    made = holes(mask)
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, ndimage.binary_fill_holes(mask) & ~mask)


@given(MASKS, st.integers(0, 2))
def test_each_plane_equals_scipy(mask, axis):
    planes = [ndimage.binary_fill_holes(plane) for plane in np.moveaxis(mask, axis, 0)]
    np.testing.assert_array_equal(holes(mask, axis), np.stack(planes, axis) & ~mask)


def test_a_tunnel_is_a_hole_of_its_slices_only():
    mask = np.ones((3, 5, 5), np.uint8)
    mask[:, 2, 2] = 0
    assert not holes(mask).any()
    assert [int(holes(mask, axis).sum()) for axis in range(3)] == [3, 0, 0]


def test_corners_are_no_path():
    mask = np.ones((3, 3, 3), np.uint8)
    mask[1, 1, 1] = mask[0, 0, 0] = mask[0, 0, 1] = 0
    assert holes(mask)[1, 1, 1] == 1
    mask[0, 1, 1] = 0
    assert not holes(mask).any()


@pytest.mark.parametrize("shape", [(0, 3, 3), (3, 0, 3), (3, 3, 0)])
def test_an_array_without_voxels_has_no_hole(shape):
    for axis in (None, 0, 1, 2):
        assert holes(np.zeros(shape, np.uint8), axis).shape == shape


def test_does_not_write_its_input():
    mask = np.eye(5, dtype=np.uint8)[None]
    mask.flags.writeable = False
    holes(mask)
    holes(mask, 0)
