"""Reorient: exact there, exact back, whatever the cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import aff2axcodes, apply_orientation, axcodes2ornt, io_orientation, ornt_transform

from pipeline.orientation import codes
from pipeline.regrid import regrid
from pipeline.stages.reorient import Reorient
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes
from tests.test_orientation import wanted


@given(volumes(kinds=("image", "labels")), wanted, st.data())
@settings(max_examples=50)
def test_any_cut_gives_the_whole_and_the_way_back_is_exact(volume, letters, data):
    whole = check_any_cut_gives_the_whole(Reorient(letters), volume, data)
    assert codes(whole.grid) == letters
    back = regrid(whole, volume.grid)
    assert back.array.tobytes() == volume.array.tobytes()
    again = Reorient(codes(volume.grid))(whole, volume.grid, whole.spec)
    assert (again.grid, again.array.tobytes()) == (volume.grid, volume.array.tobytes())


@given(volumes(), wanted)
@settings(max_examples=30)
def test_nibabel_puts_the_voxels_in_the_same_order(volume, letters):
    """nibabel's affines map i, j, k to RAS."""
    affine = np.diag([-1, -1, 1, 1]) @ volume.grid.affine[:, [2, 1, 0, 3]]
    if "".join(aff2axcodes(affine)) != codes(volume.grid):
        return  # too oblique: nibabel takes the nearest rotation, this the nearest axes
    turn = ornt_transform(io_orientation(affine), axcodes2ornt(letters))
    expected = apply_orientation(volume.array.T, turn).T
    stage = Reorient(letters)
    made = stage(volume, stage.spec(volume.spec).grid, volume.spec)
    assert np.array_equal(made.array, expected)
    assert made.array.flags.c_contiguous


@pytest.mark.parametrize("letters", ["", "LL", "LPP", "XYZ"])
def test_refuses(letters):
    with pytest.raises(ValueError, match="codes"):
        Reorient(letters)
