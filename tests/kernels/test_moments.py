"""Sums that add up: exact whole numbers as oracle, NumPy in float64, and strange values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.kernels import moments

SHAPES = hnp.array_shapes(max_dims=3, max_side=9)
WHOLE = ["bool", "uint8", "int8", "uint16", "int16"]
FLOATS = ["float16", "float32"]


def chosen(x, seed, masked):
    return np.random.default_rng(seed).random(x.shape) < 0.6 if masked else None


@given(st.sampled_from(WHOLE).flatmap(lambda t: hnp.arrays(t, SHAPES)), st.integers(0, 2**32), st.booleans())
def test_integers_are_summed_exactly(x, seed, masked):
    valid = chosen(x, seed, masked)
    values = [int(v) for v in (x if valid is None else x[valid]).ravel()]
    n, low, high, total, squares = moments.whole_sums(x, valid)
    assert (n, total, squares) == (len(values), sum(values), sum(v * v for v in values))
    if values:
        assert (low, high) == (min(values), max(values))


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_the_extremes_of_a_type_do_not_overflow(dtype):
    info = np.iinfo(dtype)
    for end in (info.min, info.max):
        x = np.full(5000, end, dtype)
        assert moments.whole_sums(x) == (5000, end, end, 5000 * end, 5000 * end**2)


@given(st.sampled_from(FLOATS).flatmap(lambda t: hnp.arrays(t, SHAPES)), st.integers(0, 2**32), st.booleans())
def test_extremes_are_those_of_what_is_finite(x, seed, masked):
    valid = chosen(x, seed, masked)
    values = (x if valid is None else x[valid]).astype("f8")
    values = values[np.isfinite(values)]
    n, low, high = moments.extremes(x, valid)
    assert n == values.size
    assert (low, high) == ((values.min(), values.max()) if n else (np.inf, -np.inf))


@given(st.sampled_from(FLOATS).flatmap(lambda t: hnp.arrays(t, SHAPES)), st.integers(0, 2**32), st.booleans())
def test_fixed_point_is_its_definition(x, seed, masked):
    valid = chosen(x, seed, masked)
    n, low, high = moments.extremes(x, valid)
    power = moments.exponent(max(abs(low), abs(high)) if n else 1.0)
    values = x if valid is None else x[valid]
    steps = [round(float(v) * 2.0**power) for v in values[np.isfinite(values)].astype("f8")]
    assert all(abs(step) <= 2**moments.BITS for step in steps)
    assert moments.fixed_sums(x, power, valid) == (sum(steps), sum(step**2 for step in steps))


def test_the_squares_of_many_large_steps_do_not_overflow():
    x = np.full(70_001, 1.75, "f4")
    power = moments.exponent(1.75)
    step = round(1.75 * 2.0**power)
    assert step > 2 ** (moments.BITS - 1)
    assert moments.fixed_sums(x, power) == (x.size * step, x.size * step**2)


def test_a_crop_is_summed_as_it_stands_and_never_written():
    for dtype in ("int16", "float32"):
        x = np.arange(60, dtype=dtype).reshape(3, 4, 5)
        x.flags.writeable = False
        part = x[:, ::2, 1:]
        if dtype == "int16":
            assert moments.whole_sums(part)[3] == part.sum()
        else:
            assert moments.fixed_sums(part, 4)[0] == part.sum() * 16
            assert moments.extremes(part) == (part.size, 1, 54)


def test_refuses_types_that_it_does_not_sum():
    with pytest.raises(TypeError, match="float64"):
        moments.extremes(np.zeros(3))
    with pytest.raises(TypeError, match="int32"):
        moments.whole_sums(np.zeros(3, "i4"))
    with pytest.raises(TypeError, match="float32"):
        moments.whole_sums(np.zeros(3, "f4"))
    with pytest.raises(TypeError, match="validity mask"):
        moments.whole_sums(np.zeros(3, "i2"), np.ones(4, "u1"))
