"""Holes of a label map: L11, SciPy as oracle, and the planes that a piece needs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.grid import Grid
from pipeline.stages.fill_holes import FillHoles
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


@given(volumes(kinds=("labels",)), st.sampled_from([None, 0, 1, 2]), st.booleans(), st.data())
def test_any_cut_gives_the_whole(volume, axis, only, data):
    whole = check_any_cut_gives_the_whole(FillHoles(axis, only), volume, data)
    mask = volume.array != 0
    if axis is None:
        filled = ndimage.binary_fill_holes(mask)
    else:
        filled = np.stack([ndimage.binary_fill_holes(plane) for plane in np.moveaxis(mask, axis, 0)], axis)
    assert whole.array.dtype == np.uint8
    np.testing.assert_array_equal(whole.array, filled & ~mask if only else filled)


def test_reach():
    grid = Grid(np.eye(4), (20, 20, 20), (3, 0, 0))
    spec = Volume(np.zeros(grid.shape, "u1"), grid, "labels").spec
    piece = grid.crop((9, 9, 9), (10, 11, 12))
    assert FillHoles().reach(piece, spec) == grid
    assert FillHoles(axis=0).reach(piece, spec) == grid.crop((9, 0, 0), (10, 20, 20))
    assert FillHoles(axis=2).reach(piece, spec) == grid.crop((0, 0, 9), (20, 20, 12))
    assert FillHoles.takes == ("labels",)


def test_refuses():
    with pytest.raises(ValueError, match="axis"):
        FillHoles(axis=3)
