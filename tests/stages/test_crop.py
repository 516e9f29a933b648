"""Crop: no voxel changes, and each keeps its place."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason
from pipeline.regrid import regrid
from pipeline.stages.crop import Crop
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, triples, turned, volumes


def numbers(grid):
    return Volume(np.arange(grid.size, dtype="i2").reshape(grid.shape), grid)


@given(volumes(kinds=("image", "labels")), triples(st.integers(1, 12)), triples(st.floats(-1, 3)), st.data())
@settings(max_examples=50)
def test_any_cut_gives_the_whole_and_the_voxels_return(volume, most, margin, data):
    stage = Crop(at_most=most, margin_mm=margin)
    if not stage.spec(volume.spec).grid.size:
        return
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.tobytes() == volume.crop_to(whole.grid).array.tobytes()
    back = regrid(whole, volume.grid)
    assert back.crop_to(whole.grid).array.tobytes() == whole.array.tobytes()


def test_voxels_are_counted_from_the_first_of_the_volume():
    volume = numbers(Grid(np.eye(4), (6, 7, 8), (-3, 2, 9)))
    stage = Crop(start=(1, 2, 3), stop=(3, 6, 4))
    made = stage(volume, stage.spec(volume.spec).grid, volume.spec)
    assert np.array_equal(made.array, volume.array[1:3, 2:6, 3:4])
    assert made.grid.start == (-2, 4, 12)


def test_the_middle_is_kept():
    volume = numbers(Grid(np.eye(4), (4, 7, 8)))
    stage = Crop(at_most=(9, 3, 4))
    made = stage(volume, stage.spec(volume.spec).grid, volume.spec)
    assert np.array_equal(made.array, volume.array[:, 2:5, 2:6])


@given(triples(st.floats(-2, 2)), triples(st.floats(1, 9)), triples(st.floats(5, 30)))
@settings(max_examples=50)
def test_a_box_in_the_patient_is_held_whole_and_no_more_is_kept(angles, low, size):
    grid = Grid(turned((2.5, 0.8, 0.9), angles, origin=(-20.0, -20.0, -20.0)), (30, 80, 80))
    high = tuple(a + n for a, n in zip(low, size, strict=True))
    box = Crop(low_mm=low, high_mm=high).spec(Volume(np.zeros(grid.shape, "i2"), grid).spec).grid
    inner = list(product(*(np.linspace(a, b, 3) for a, b in zip(low, high, strict=True))))
    for corner in inner:
        at = np.array(grid.index(corner))
        if ((at >= -0.5) & (at <= np.array(grid.shape) - 0.5)).all():
            here = np.array(box.index(corner))
            assert ((here >= -0.5 - 1e-5) & (here <= np.array(box.shape) - 0.5 + 1e-5)).all()
    span = np.ptp([grid.index(corner) for corner in inner], axis=0)
    assert (np.array(box.shape) <= span + 2 + 1e-5).all()


def test_a_margin_grows_by_whole_voxels_as_far_as_the_volume_goes():
    grid = Grid(np.diag([2.0, 1.0, 0.5, 1.0]), (10, 10, 10))
    source = Volume(np.zeros(grid.shape, "u1"), grid).spec
    box = Crop(start=(4, 4, 1), stop=(6, 6, 9), margin_mm=(2.5, 2.0, 5.0)).spec(source).grid
    assert (box.start, box.stop) == ((2, 2, 0), (8, 8, 10))
    less = Crop(start=(4, 2, 1), stop=(6, 8, 9), margin_mm=(0.0, -1.0, 0.0)).spec(source).grid
    assert (less.start, less.stop) == ((4, 3, 1), (6, 7, 9))


def test_a_box_beyond_the_volume_refuses_the_series():
    volume = numbers(Grid(np.eye(4), (4, 4, 4)))
    stage = Crop(start=(5, 0, 0), stop=(9, 4, 4))
    with pytest.raises(Quarantine) as error:
        stage(volume, stage.spec(volume.spec).grid, volume.spec)
    assert error.value.reason is Reason.NOTHING_LEFT


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "one box"),
        ({"start": (0, 0, 0)}, "together"),
        ({"low_mm": (0, 0, 0)}, "together"),
        ({"at_most": (1, 1, 1), "start": (0, 0, 0), "stop": (1, 1, 1)}, "one box"),
        ({"start": (0, 0, 0), "stop": (1, 0, 1)}, "lower"),
        ({"at_most": (0, 1, 1)}, "at_most"),
        ({"low_mm": (0, 0, 0), "high_mm": (1, 1, float("inf"))}, "finite"),
        ({"at_most": (1, 1, 1), "margin_mm": (float("nan"), 0, 0)}, "finite"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Crop(**fields)
