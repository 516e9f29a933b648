"""Brightness: L11, arithmetic, and what is clipped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.brightness import Brightness
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


def made(stage, *values, dtype="f4"):
    grid = Grid(np.eye(4), (1, 1, len(values)))
    volume = Volume(np.array(values, dtype).reshape(grid.shape), grid)
    return stage(volume, grid, volume.spec).array.ravel().tolist()


@settings(max_examples=40)
@given(volumes(("int16", "uint16", "uint8", "float32", "float16")), st.data())
def test_any_cut_gives_the_whole(volume, data):
    whole = check_any_cut_gives_the_whole(Brightness(1.3, -7), volume, data)
    assert whole.array.dtype == volume.array.dtype


def test_factor_and_shift():
    assert made(Brightness(2, 1), -1, 0, 0.5) == [-1, 1, 2]
    assert made(Brightness(), -1, 0, 0.5) == [-1, 0, 0.5]
    assert made(Brightness(0.5), 1, 3, 5, -7, dtype="i2") == [0, 2, 2, -4]
    assert made(Brightness(1, 100), 0, 200, dtype="u1") == [100, 255]


def test_refuses_labels():
    grid = Grid(np.eye(4), (1, 1, 1))
    volume = Volume(np.ones((1, 1, 1), "u1"), grid, "labels")
    assert Brightness.takes == ("image",)
    with pytest.raises(KindError):
        Brightness(1)(volume, grid, volume.spec)


@pytest.mark.parametrize(("fields", "word"), [({"factor": -1}, "factor"), ({"shift": np.inf}, "shift")])
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Brightness(**fields)
