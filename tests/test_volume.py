"""Voxels with their geometry."""

import numpy as np
import pytest

from pipeline.errors import GeometryError, KindError
from pipeline.grid import Grid
from pipeline.volume import Spec, Volume

GRID = Grid(np.eye(4), (3, 4, 5))


def test_an_array_must_fit_its_grid():
    with pytest.raises(GeometryError, match="its grid is"):
        Volume(np.zeros((3, 4, 4)), GRID)


def test_labels_have_no_intensities():
    with pytest.raises(KindError):
        _ = Volume(np.zeros((3, 4, 5), "u1"), GRID, "labels").intensities


def test_a_crop_is_a_view_on_the_same_frame():
    volume = Volume(np.arange(60).reshape(3, 4, 5), GRID)
    piece = volume.crop_to(GRID.crop((1, 1, 1), (2, 3, 4)))
    assert np.shares_memory(piece.array, volume.array)
    assert piece.array.tolist() == volume.array[1:2, 1:3, 1:4].tolist()
    assert piece.grid.frame == GRID.frame


def test_a_spec_knows_its_bytes():
    assert Spec(GRID, "image", np.dtype("i2")).nbytes == 120
    assert Volume(np.zeros((3, 4, 5), "f4"), GRID).spec == Spec(GRID, "image", np.dtype("f4"))
