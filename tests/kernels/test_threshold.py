"""Between two bounds, in every type: comparison in float64 as oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kernels.threshold import between

BOUNDS = st.none() | st.floats(-1e5, 1e5) | st.integers(-300, 300)


@given(st.sampled_from(["u1", "i1", "u2", "i2", "f4", "f8"]), BOUNDS, BOUNDS, st.integers(0, 2**32))
def test_equals_comparison_in_float64(dtype, lower, upper, seed):
    x = np.random.default_rng(seed).normal(0, 200, (2, 3, 40)).clip(0 if dtype[0] == "u" else -128, 127).astype(dtype)
    x[0, 0, 0] = np.float32(np.clip(lower or 0, 0, 127))
    first, last = (
        np.float64(np.dtype(dtype).type(v)) if dtype[0] == "f" and v is not None else v for v in (lower, upper)
    )
    wide = x.astype("f8")
    expected = (wide >= (-np.inf if first is None else first)) & (wide <= (np.inf if last is None else last))
    made = between(x, lower, upper)
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((10, 20), [0, 1, 1, 0]), ((10.5, None), [0, 0, 1, 1]), ((None, 19.5), [1, 1, 0, 0]), ((10.2, 10.8), [0] * 4)],
)
def test_both_bounds_belong_to_the_range(bounds, expected):
    for dtype in ("i2", "f4"):
        assert between(np.array([9, 10, 20, 21], dtype), *bounds).tolist() == expected


def test_bounds_beyond_the_type():
    x = np.array([0, 255], "u1")
    assert between(x, -1000, 1000).tolist() == [1, 1]
    assert between(x, 256).tolist() == between(x, None, -1).tolist() == [0, 0]
    assert between(np.array([0, 6e4, np.inf], "f2"), -1e9, 1e9).tolist() == [1, 1, 1]


def test_nan_lies_in_no_range():
    assert between(np.array([np.nan, 1], "f4"), -1e9, 1e9).tolist() == [0, 1]
