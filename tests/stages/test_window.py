"""Window: L11, the spec it promises, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import KindError, RecipeError
from pipeline.grid import Grid
from pipeline.stages.window import PRESETS, Window
from pipeline.volume import Facts, Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

DTYPES = st.sampled_from(["float16", "float32", "uint8"])


@given(volumes(("int16", "uint16", "uint8", "float32", "float64")), DTYPES, st.data())
def test_any_cut_gives_the_whole(volume, dtype, data):
    stage = Window(90, 60, dtype)
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == stage.spec(volume.spec).dtype == np.dtype(dtype)


def test_soft_tissue():
    grid = Grid(np.eye(4), (1, 1, 5))
    volume = Volume(np.array([[[-2000, -160, 40, 240, 3000]]], "i2"), grid)
    for dtype, expected in [
        ("float16", [0, 0, 0.5, 1, 1]),
        ("float32", [0, 0, 0.5, 1, 1]),
        ("uint8", [0, 0, 128, 255, 255]),
    ]:
        made = Window(40, 400, dtype)(volume, grid, volume.spec).array.ravel()
        np.testing.assert_allclose(made, expected, atol=1e-6)


def test_refuses_labels():
    grid = Grid(np.eye(4), (1, 1, 1))
    volume = Volume(np.ones((1, 1, 1), "u1"), grid, "labels")
    assert Window.takes == ("image",)
    with pytest.raises(KindError):
        Window(0, 1)(volume, grid, volume.spec)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"width": 0}, "width"),
        ({"width": float("nan")}, "width"),
        ({"center": float("inf")}, "center"),
        ({"dtype": "int8"}, "dtype"),
        ({"width": None}, "together"),
        ({"preset": "soft"}, "preset"),
        ({"center": None, "width": None, "preset": "liver"}, "preset"),
    ],
)
def test_refuses(change, word):
    fields = {"center": 40, "width": 400} | change
    with pytest.raises(ValueError, match=word):
        Window(**fields)
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(Window).validate_python(fields)


def test_hu_below_0_are_seen():
    """Circulating scripts clip HU to 0..1 before the window, and every lung is black."""
    grid = Grid(np.eye(4), (1, 1, 4))
    volume = Volume(np.array([[[-1350, -975, -600, 150]]], "i2"), grid)
    made = Window(preset="lung", dtype="float32").resolve(Facts(modality="CT", units="HU"))(volume, grid, volume.spec)
    np.testing.assert_allclose(made.array.ravel(), [0, 0.25, 0.5, 1], atol=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_center_and_width(name):
    assert Window(preset=name).resolve(Facts(modality="CT", units="HU")) == Window(*PRESETS[name])


def test_the_header_gives_what_the_recipe_does_not():
    assert Window().resolve(Facts(window=(300.5, 601.0))) == Window(300, 600)
    assert Window().resolve(Facts(window=(300, 600), voi="LINEAR_EXACT")) == Window(300, 600)
    assert Window(40, 400).resolve(Facts(window=(1, 2))) == Window(40, 400)


@pytest.mark.parametrize(
    ("stage", "facts", "word"),
    [
        (Window(), Facts(modality="MR"), "header"),
        (Window(), Facts(modality="CT", units="HU"), "header"),
        (Window(), Facts(window=(40, 400), voi="SIGMOID"), "header"),
        (Window(), Facts(window=(40, 0)), "header"),
        (Window(preset="soft"), Facts(modality="MR"), "HU"),
        (Window(preset="soft"), Facts(modality="CT"), "HU"),
    ],
)
def test_without_numbers_the_recipe_is_wrong(stage, facts, word):
    with pytest.raises(RecipeError, match=word):
        stage.resolve(facts)
    with pytest.raises(RecipeError, match="resolved"):
        stage.ramp(Volume(np.ones((1, 1, 1)), Grid(np.eye(4), (1, 1, 1))).spec)
