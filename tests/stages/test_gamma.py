"""Gamma: L11, the curve against float64, and images that give NaN elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.gamma import Gamma
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

RAMP = Grid(np.eye(4), (1, 1, 2001))


def made(stage, array):
    volume = Volume(array.reshape(1, 1, -1), RAMP.crop((0, 0, 0), (1, 1, array.size)))
    return stage(volume, volume.grid, volume.spec).array.ravel()


@settings(max_examples=40)
@given(volumes(("int16", "uint16", "uint8", "float32", "float16")), st.booleans(), st.data())
def test_any_cut_gives_the_whole(volume, inverted, data):
    whole = check_any_cut_gives_the_whole(Gamma(0.7, 10, 160, inverted), volume, data)
    assert whole.array.dtype == volume.array.dtype


@pytest.mark.parametrize("exponent", [0.7, 1, 1.5, 3])
@pytest.mark.parametrize("inverted", [False, True])
def test_the_curve(exponent, inverted):
    x = np.linspace(-1, 3, 2001, dtype="f4")
    y = made(Gamma(exponent, -0.5, 2.5, inverted), x)
    part = (x.astype("f8").clip(-0.5, 2.5) + 0.5) / 3
    curve = 1 - (1 - part) ** exponent if inverted else part**exponent
    expected = np.where((x > -0.5) & (x < 2.5), 3 * curve - 0.5, x)
    np.testing.assert_allclose(y, expected, atol=3e-6)
    assert (np.diff(y) >= 0).all()
    assert np.array_equal(y[(x <= -0.5) | (x >= 2.5)], x[(x <= -0.5) | (x >= 2.5)])


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16"])
@pytest.mark.parametrize("value", [0, -5, 1, 7])
def test_a_constant_image_gives_no_nan(dtype, value):
    """A script that divides by the image's own maximum gives 0 / 0 here, and NaN for a negative base."""
    x = np.full(8, value, dtype)
    for stage in (Gamma(0.5), Gamma(1.5, inverted=True)):
        assert np.array_equal(made(stage, x), x)


def test_one_hot_voxel_changes_no_other():
    x = np.linspace(0, 1, 100, dtype="f4")
    hot = np.append(x, np.float32(1000))
    assert np.array_equal(made(Gamma(0.7), hot)[:-1], made(Gamma(0.7), x))


def test_integers_stay_integers():
    x = np.array([-1024, -1000, -900, 0, 999, 1000, 3000], "i2")
    y = made(Gamma(2, -1000, 1000), x)
    assert y.dtype == np.int16
    assert y.tolist() == [-1024, -1000, -995, -500, 998, 1000, 3000]


def test_nan_stays_nan():
    assert np.isnan(made(Gamma(2), np.full(3, np.nan, "f4"))).all()


def test_refuses_labels():
    volume = Volume(np.ones((1, 1, 3), "u1"), RAMP.crop((0, 0, 0), (1, 1, 3)), "labels")
    assert Gamma.takes == ("image",)
    with pytest.raises(KindError):
        Gamma(2)(volume, volume.grid, volume.spec)


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"exponent": 0}, "exponent"), ({"exponent": np.inf}, "exponent"), ({"exponent": 1, "upper": 0}, "lower")],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Gamma(**fields)
