"""Landmarks: L11, NumPy's interpolation, its inverse, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.landmarks import Landmarks
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

STAGE = Landmarks((20.5, 60.0, 61.0, 180.0), (-1.0, 0.0, 5.0, 9.0), flat=True)
STAGES = st.sampled_from([STAGE, Landmarks(STAGE.source, STAGE.target, False, "float16")])


@given(volumes(("int16", "uint16", "uint8", "float32", "float16")), STAGES, st.data())
def test_any_cut_gives_the_whole(volume, stage, data):
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == stage.spec(volume.spec).dtype == np.dtype(stage.dtype)
    if stage.flat:
        np.testing.assert_allclose(whole.array, np.interp(volume.array, stage.source, stage.target), atol=1e-4)


@given(volumes(("float32",)))
def test_the_inverse_gives_the_source_back(volume):
    stage = Landmarks(STAGE.source, STAGE.target)
    made = stage(volume, volume.grid, volume.spec)
    back = stage.inverse(made, volume.grid, made.spec)
    np.testing.assert_allclose(back.array, volume.array, atol=1e-3)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"source": (1, 1)}, "rise"),
        ({"source": (1,)}, "equally many"),
        ({"target": (0, float("inf"))}, "finite"),
        ({"dtype": "int8"}, "dtype"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Landmarks(**{"source": (0, 1), "target": (0, 1)} | fields)
    with pytest.raises(ValueError, match="rise"):
        Landmarks((0, 1), (2, 2)).inverse  # noqa: B018


def test_refuses_labels():
    volume = Volume(np.ones((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    with pytest.raises(KindError):
        STAGE(volume, volume.grid, volume.spec)
