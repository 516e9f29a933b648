"""Contrast: L11, arithmetic, and what is clipped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.contrast import Contrast
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


def made(stage, *values, dtype="f4"):
    grid = Grid(np.eye(4), (1, 1, len(values)))
    volume = Volume(np.array(values, dtype).reshape(grid.shape), grid)
    return stage(volume, grid, volume.spec).array.ravel().tolist()


@settings(max_examples=40)
@given(volumes(("int16", "uint16", "uint8", "float32", "float16")), st.data())
def test_any_cut_gives_the_whole(volume, data):
    whole = check_any_cut_gives_the_whole(Contrast(1.3, 90, 20, 180), volume, data)
    assert whole.array.dtype == volume.array.dtype
    assert whole.array.min() >= 20
    assert whole.array.max() <= 180


def test_about_the_center():
    assert made(Contrast(2, 0.5), 0, 0.25, 0.5, 1) == [-0.5, 0, 0.5, 1.5]
    assert made(Contrast(2, 0.5, 0, 1), 0, 0.25, 0.5, 1) == [0, 0, 0.5, 1]
    assert made(Contrast(0, 7), 1, 2, 3) == [7, 7, 7]
    assert made(Contrast(2, 0, upper=3), -9, 9) == [-18, 3]


def test_integers_stay_integers():
    assert made(Contrast(0.75, 40), -1024, 39, 40, 42, 32767, dtype="i2") == [-758, 39, 40, 42, 24585]
    assert made(Contrast(3, 128), 0, 128, 255, dtype="u1") == [0, 128, 255]


def test_nan_stays_nan():
    assert np.isnan(made(Contrast(2, 0, 0, 1), np.nan)).all()


def test_refuses_labels():
    grid = Grid(np.eye(4), (1, 1, 1))
    volume = Volume(np.ones((1, 1, 1), "u1"), grid, "labels")
    assert Contrast.takes == ("image",)
    with pytest.raises(KindError):
        Contrast(1, 0)(volume, grid, volume.spec)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"factor": -1}, "factor"), ({"center": np.nan}, "center"), ({"lower": 2, "upper": 1}, "lower")],
)
def test_refuses(change, word):
    with pytest.raises(ValueError, match=word):
        Contrast(**{"factor": 1, "center": 0} | change)
