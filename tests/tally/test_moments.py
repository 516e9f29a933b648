"""Moments: NumPy in float64 as oracle, and any cut gives the whole."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.tally import Moments

DTYPES = ["uint8", "int16", "uint16", "float16", "float32"]


@st.composite
def arrays(draw, least=0):
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    finite = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    return draw(hnp.arrays(dtype, st.integers(least, 50), elements=hnp.from_dtype(dtype, **finite) | st.just(1)))


def whole(x, valid=None):
    first = Moments.of(x, valid)
    return first + first.detail(x, valid)


@given(arrays(least=1))
def test_equals_numpy(x):
    m, wide = whole(x), x.astype("f8")
    assert (m.n, m.low, m.high) == (x.size, wide.min(), wide.max())
    scale = np.abs(wide).max() or 1
    assert m.mean / scale == pytest.approx(np.mean(wide / scale), abs=1e-8)
    assert m.sd / scale == pytest.approx(np.std(wide / scale), abs=2e-8, rel=1e-6)


@given(arrays(), st.lists(st.integers(0, 50), max_size=4), st.integers(0, 2**32), st.booleans())
def test_any_cut_gives_the_whole(x, at, seed, masked):
    valid = np.random.default_rng(seed).random(x.shape) < 0.5 if masked else None
    bounds = sorted([0, *(min(a, x.size) for a in at), x.size])
    parts = [(x[a:b], None if valid is None else valid[a:b]) for a, b in pairwise(bounds)]
    total = sum((Moments.of(*part) for part in reversed(parts)), Moments(x.dtype))
    total = sum((total.detail(*part) for part in parts), total)
    assert total == whole(x, valid)


def test_integers_are_exact_and_need_no_second_pass():
    x = np.array([30000, 30001, -30000, -30001, 3], "i2")
    m = Moments.of(x)
    assert (m.mean, m.detail(x) + m) == (0.6, m)


def test_large_real_values_to_float64():
    x = np.random.default_rng(0).normal(-400, 500, (20, 60, 60)).astype("f4")
    m = whole(x)
    assert m.mean == pytest.approx(x.mean(dtype="f8"), rel=1e-8)
    assert m.sd == pytest.approx(x.std(dtype="f8"), rel=1e-8)


def test_what_is_not_finite_is_left_out():
    x = np.array([np.nan, 1, np.inf, -np.inf, 4], "f4")
    m = whole(x)
    assert (m.n, m.low, m.high, m.mean, m.sd) == (2, 1, 4, 2.5, 1.5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_has_no_moments_and_a_constant_no_spread(dtype):
    x = np.full(5, 0.1 if dtype[0] == "f" else 3, dtype)
    nothing = whole(x, np.zeros(5, "u1"))
    assert (nothing.n, nothing.mean, nothing.sd) == (0, None, None)
    assert whole(x).sd == 0


def test_refuses():
    with pytest.raises(TypeError, match="add up"):
        Moments(np.dtype("i2")) + Moments(np.dtype("u2"))
    with pytest.raises(ValueError, match="detail"):
        Moments.of(np.ones(3, "f4")).mean  # noqa: B018
