"""Hysteresis: L11, scikit-image as oracle, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.hysteresis import Hysteresis
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


@given(volumes(), st.sampled_from([6, 26]), st.data())
def test_any_cut_gives_the_whole(volume, connectivity, data):
    stage = Hysteresis(lower=160, upper=220, wide_lower=110, wide_upper=240, connectivity=connectivity)
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    narrow, wide = ((volume.array >= a) & (volume.array <= b) for a, b in ((160, 220), (110, 240)))
    structure = np.ones((3, 3, 3)) if connectivity == 26 else None
    grown = ndimage.binary_propagation(narrow, structure, mask=wide)
    np.testing.assert_array_equal(whole.array, grown)


def test_equals_scikit_image():
    x = (ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(20, 30, 40)), 1) * 1000).astype("i2")
    volume = Volume(x, Grid(np.eye(4), x.shape))
    made = Hysteresis(lower=301, wide_lower=151)(volume, volume.grid, volume.spec).array
    expected = apply_hysteresis_threshold(x, 150, 300)
    assert 0.02 < expected.mean() < 0.9
    np.testing.assert_array_equal(made, expected)
    upside_down = volume.with_array(-x)
    below = Hysteresis(upper=-301, wide_upper=-151)(upside_down, volume.grid, volume.spec).array
    np.testing.assert_array_equal(below, expected)


def test_a_bound_that_is_not_widened_holds_for_both_ranges():
    x = np.array([[[200, 320, 200, 500, 320]]], "i2")
    volume = Volume(x, Grid(np.eye(4), x.shape))
    made = Hysteresis(lower=300, upper=400, wide_lower=150)(volume, volume.grid, volume.spec).array
    assert made.ravel().tolist() == [1, 1, 1, 0, 1]
    made = Hysteresis(lower=300, upper=400, wide_upper=600)(volume, volume.grid, volume.spec).array
    assert made.ravel().tolist() == [0, 1, 0, 1, 1]


def test_refuses_labels():
    volume = Volume(np.ones((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    assert Hysteresis.takes == ("image",)
    with pytest.raises(KindError):
        Hysteresis(lower=0)(volume, volume.grid, volume.spec)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "lower, upper or both"),
        ({"wide_lower": 1}, "lower, upper or both"),
        ({"lower": 2, "upper": 1}, "<="),
        ({"lower": 2, "wide_lower": 3}, "<="),
        ({"upper": 2, "wide_upper": 1}, "<="),
        ({"upper": 2, "wide_lower": 1}, "goes with"),
        ({"lower": 2, "wide_upper": 3}, "goes with"),
        ({"lower": float("nan")}, "finite"),
        ({"lower": 0, "connectivity": 8}, "connectivity"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Hysteresis(**fields)
