"""Threshold: L11, SimpleITK's pipeline as oracle, and what it refuses."""

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import ndimage

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.threshold import Threshold
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


@given(volumes(), st.sampled_from([0.0, 0.6, 1.3, 4.0]), st.booleans(), st.data())
def test_any_cut_gives_the_whole(volume, closing_mm, largest, data):
    stage = Threshold(lower=60, upper=140, closing_mm=closing_mm, largest=largest)
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    spec = stage.spec(volume.spec)
    assert (spec.kind, spec.dtype) == ("labels", np.uint8)
    assert whole.array.dtype == np.uint8
    assert set(np.unique(whole.array)) <= {0, 1}


@given(volumes(), st.data())
def test_more_than_the_reach_changes_nothing(volume, data):
    """What is at hand by chance beyond the reach must not be seen."""
    stage = Threshold(lower=80, closing_mm=1.0)
    piece = volume.grid.crop((0, 0, 0), [data.draw(st.integers(1, n)) for n in volume.grid.shape])
    lean = volume.crop_to(stage.reach(piece, volume.spec))
    assert stage(volume, piece, volume.spec).array.tobytes() == stage(lean, piece, volume.spec).array.tobytes()


def test_equals_simpleitk():
    """Threshold, pad, close by the same ball, label, keep the largest."""
    rng = np.random.default_rng(2)
    x = (ndimage.gaussian_filter(rng.normal(size=(30, 40, 50)), 2) * 5000).astype("i2")
    grid = Grid(np.diag([2.0, 1.0, 1.0, 1.0]), x.shape)
    volume = Volume(x, grid)
    made = Threshold(lower=-20, upper=900, closing_mm=2, largest=True)(volume, grid, volume.spec).array
    mask = SimpleITK.BinaryThreshold(SimpleITK.GetImageFromArray(x), -20, 900)
    padded = SimpleITK.GetArrayFromImage(SimpleITK.ConstantPad(mask, (4, 4, 4), (4, 4, 4), 0))
    k, j, i = np.mgrid[-1:2, -2:3, -2:3]
    closed = ndimage.binary_closing(padded, 4 * k * k + j * j + i * i <= 4)[4:-4, 4:-4, 4:-4]
    parts = SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(closed.astype("u1")))
    expected = SimpleITK.GetArrayFromImage(SimpleITK.RelabelComponent(parts)) == 1
    assert 0.1 < expected.mean() < 0.9
    np.testing.assert_array_equal(made, expected)


def test_reach():
    grid = Grid(np.diag([2.0, 1.0, 0.5, 1.0]), (20, 20, 20))
    spec = Volume(np.zeros(grid.shape, "i2"), grid).spec
    piece = grid.crop((9, 9, 9), (10, 10, 10))
    assert Threshold(lower=0).reach(piece, spec) == piece
    assert Threshold(lower=0, closing_mm=2).reach(piece, spec) == piece.pad((2, 4, 8))
    assert Threshold(lower=0, closing_mm=9).reach(piece, spec) == grid.crop((1, 0, 0), (18, 20, 20))
    assert Threshold(lower=0, largest=True).reach(piece, spec) == grid


def test_an_empty_mask_has_no_largest_component():
    grid = Grid(np.eye(4), (3, 4, 5))
    volume = Volume(np.zeros(grid.shape, "i2"), grid)
    assert not Threshold(lower=1, closing_mm=2, largest=True)(volume, grid, volume.spec).array.any()


def test_does_not_write_its_input():
    grid = Grid(np.eye(4), (3, 4, 5))
    x = np.arange(60, dtype="i2").reshape(grid.shape)
    x.flags.writeable = False
    volume = Volume(x, grid)
    assert Threshold(lower=7, closing_mm=1, largest=True)(volume, grid, volume.spec).array.any()


def test_refuses_labels():
    grid = Grid(np.eye(4), (1, 1, 1))
    volume = Volume(np.ones((1, 1, 1), "u1"), grid, "labels")
    assert Threshold.takes == ("image",)
    with pytest.raises(KindError):
        Threshold(lower=0)(volume, grid, volume.spec)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "lower"),
        ({"lower": 2, "upper": 1}, "lower <= upper"),
        ({"lower": float("nan")}, "finite"),
        ({"lower": 0, "upper": float("inf")}, "finite"),
        ({"lower": 0, "closing_mm": -1}, "closing_mm"),
        ({"lower": 0, "closing_mm": float("nan")}, "closing_mm"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Threshold(**fields)
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(Threshold).validate_python(fields)
