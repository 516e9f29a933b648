"""Rescale: L11, both ends, its inverse, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.rescale import Rescale
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

STAGES = st.builds(Rescale, st.just(30.0), st.just(170.0), st.sampled_from([(0.0, 1.0), (1.0, -1.0)]), st.booleans())


@given(volumes(("int16", "uint16", "uint8", "float32", "float16")), STAGES, st.data())
def test_any_cut_gives_the_whole(volume, stage, data):
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == stage.spec(volume.spec).dtype == np.float32
    x = volume.array.astype("f8")
    x = np.clip(x, 30, 170) if stage.clip else x
    expected = stage.to[0] + (x - 30) / 140 * (stage.to[1] - stage.to[0])
    np.testing.assert_allclose(whole.array, expected, atol=1e-6)
    back = 30 + (whole.array.astype("f8") - stage.to[0]) * 140 / (stage.to[1] - stage.to[0])
    np.testing.assert_allclose(back, x, atol=1e-4)


def test_octets():
    volume = Volume(np.array([[[-9, 0, 1, 2, 9]]], "i2"), Grid(np.eye(4), (1, 1, 5)))
    made = Rescale(0, 2, (0, 255), dtype="uint8")(volume, volume.grid, volume.spec).array
    assert made.ravel().tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"upper": 0}, "upper"), ({"to": (1, 1)}, "to must"), ({"dtype": "int8"}, "dtype"), ({"to": (1,)}, "to|two")],
)
def test_refuses(fields, word):
    fields = {"lower": 0, "upper": 1} | fields
    with pytest.raises(ValueError, match=word):
        Rescale(**fields)
    with pytest.raises(ValidationError):
        TypeAdapter(Rescale).validate_python(fields)


def test_refuses_labels():
    volume = Volume(np.ones((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    with pytest.raises(KindError):
        Rescale(0, 1)(volume, volume.grid, volume.spec)
