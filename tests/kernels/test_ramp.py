"""The ramp as a value: what it refuses, and that a window ends where it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kernels.intensity import plain
from pipeline.kernels.ramp import DTYPES, Ramp, rescale, window

centers, widths = st.floats(-5e3, 5e3), st.floats(0.1, 1e4)


@given(centers, widths, st.sampled_from(DTYPES), st.booleans())
def test_window_reaches_both_ends_and_never_leaves_them(center, width, dtype, inverted):
    ramp = window(center, width, dtype, inverted)
    x = np.array([-1e5, ramp.low, center, ramp.high, 1e5], "f4").reshape(1, 1, 5)
    y = plain(x, ramp).ravel()[:: -1 if inverted else 1]
    top = 255 if dtype == "uint8" else 1
    assert (y[:2] == 0).all()
    assert (y[3:] <= top).all()
    np.testing.assert_allclose(y[3:].astype("f8"), top, rtol=1e-6)


@given(st.floats(-200, 200), st.floats(10, 500), st.floats(-600, 600))
def test_window_is_dicom_linear_exact(center, width, x):
    low, high = center - width / 2, center + width / 2
    expected = 0.0 if x <= low else 1.0 if x > high else (x - center) / width + 0.5  # PS3.3 C.11.2.1.3.2
    assert abs(float(plain(np.full((1, 1, 1), x, "f4"), window(center, width, "float32")).item()) - expected) < 2e-5


def test_inverted_is_the_mirror():
    x = np.arange(-50, 150, dtype="i2").reshape(1, 1, -1)
    there, back = (plain(x, window(40, 100, "float32", inverted)) for inverted in (False, True))
    np.testing.assert_allclose(there + back, 1, atol=1e-6)


@pytest.mark.parametrize("width", [0, -1, float("nan"), float("inf"), 1e-9])
def test_window_refuses_a_width_that_is_none(width):
    with pytest.raises(ValueError, match="width"):
        window(1000, width, "float32")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"low": 2}, "low <= high"),
        ({"scale": 1e39}, "scale"),
        ({"base": float("nan")}, "base"),
        ({"dtype": "i2"}, "stored"),
    ],
)
def test_ramp_refuses(change, word):
    with pytest.raises(ValueError, match=word):
        Ramp(**({"low": 0, "high": 1, "base": 0, "scale": 1, "dtype": "float32"} | change))


def test_equal_in_float32_is_equal():
    assert Ramp(0, 1, 0, 0.1, np.dtype("f4")) == Ramp(0, 1, 0, float(np.float32(0.1)), np.dtype("f4"))


@given(centers, widths, st.tuples(st.floats(-300, 300), st.floats(-300, 300)), st.booleans())
def test_rescale_is_the_line_through_its_ends(lower, span, to, clip):
    if abs(to[1] - to[0]) < 0.1:
        return
    upper = lower + span
    x = np.array([lower - 9, lower, lower + span / 3, upper, upper + 9])
    made = plain(x.reshape(1, 1, -1), rescale(lower, upper, to, "float32", clip)).ravel()
    inside = np.clip(x, lower, upper) if clip else x
    expected = to[0] + (inside - lower) / span * (to[1] - to[0])
    # The source and both ends are rounded to float32: the first is scaled, the others are the scale itself.
    near = 1e-6 * (300 + 5e3 * abs(to[1] - to[0]) / span) + abs(expected - to[0]) * 5e-4 / span
    assert (abs(made - expected) <= near).all()


@given(centers, widths, st.floats(0.1, 300))
def test_a_range_that_begins_or_ends_at_zero_does_so_exactly(lower, span, top):
    x = np.array([[[-1e6, lower, lower + span, 1e6]]], "f4")
    up = plain(x, rescale(lower, lower + span, (0, top), "float32")).ravel()
    assert (up[:2] == 0).all()
    assert (up <= np.float32(top)).all()
    down = plain(x, rescale(lower, lower + span, (-top, 0), "float32")).ravel()
    assert (down[2:] == 0).all()


@pytest.mark.parametrize("to", [(1, 1), (0, float("nan")), (0, float("inf")), (0, 1e-42)])
def test_rescale_refuses_a_range_that_is_none(to):
    with pytest.raises(ValueError, match="to must be"):
        rescale(0, 1, to, "float32")


@pytest.mark.parametrize("upper", [0, -1, float("nan"), float("inf"), 1e-50])
def test_rescale_refuses_ends_that_are_none(upper):
    with pytest.raises(ValueError, match="upper"):
        rescale(0, upper, (0, 1), "float32")
