"""Histogram: NumPy's moments and percentiles as oracle, and any cut gives the whole."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.tally import PERCENTILES, Histogram

DTYPES = ["uint8", "int8", "uint16", "int16", "float16", "float32"]


def finite(dtype):
    if dtype[0] in "ui":
        return hnp.from_dtype(np.dtype(dtype))
    return hnp.from_dtype(np.dtype(dtype), allow_nan=False, allow_infinity=False)


@st.composite
def arrays(draw, least=0):
    dtype = draw(st.sampled_from(DTYPES))
    return draw(hnp.arrays(dtype, st.integers(least, 50), elements=finite(dtype) | st.just(1)))


def whole(x, valid=None):
    first = Histogram.of(x, valid)
    return first + first.detail(x, valid)


def answers(h):
    return [h.n, h.n_nan, h.n_inf, h.min, h.max, h.mean, h.sd, *(h.percentile(q) for q in PERCENTILES.values())]


@given(arrays(least=1))
def test_equals_numpy(x):
    h, wide = whole(x), x.astype("f8")
    assert (h.n, h.min, h.max) == (x.size, wide.min(), wide.max())
    # relative to the largest value: NumPy's sums cancel, and so does its interpolation
    scale = np.abs(wide).max() or 1
    assert h.mean / scale == pytest.approx(np.mean(wide / scale), abs=1e-14)
    assert h.sd / scale == pytest.approx(np.std(wide / scale), abs=1e-7, rel=1e-12)
    for q in PERCENTILES.values():
        assert h.percentile(q) / scale == pytest.approx(np.percentile(wide / scale, q), abs=1e-13)


@given(arrays(), st.lists(st.integers(0, 50), max_size=4), st.integers(0, 2**32), st.booleans())
def test_any_cut_gives_the_whole(x, at, seed, masked):
    valid = np.random.default_rng(seed).random(x.shape) < 0.5 if masked else None
    bounds = sorted([0, *(min(a, x.size) for a in at), x.size])
    cuts = [slice(a, b) for a, b in pairwise(bounds)]
    parts = [(x[cut], None if valid is None else valid[cut]) for cut in cuts]
    total = sum((Histogram.of(*part) for part in reversed(parts)), Histogram.zero(x.dtype))
    total = sum((total.detail(*part) for part in parts), total)
    assert answers(total) == answers(whole(x, valid))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_is_not_finite_is_counted_apart(dtype):
    x = np.array([np.nan, 1, np.inf, -np.inf, 3, np.nan, -0.0, np.nan], dtype)
    h = whole(x)
    assert (h.n, h.n_nan, h.n_inf, h.min, h.max) == (3, 3, 2, 0, 3)
    assert h.mean == pytest.approx(4 / 3, abs=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_has_no_statistics(dtype):
    x = np.ones(5, dtype)
    for h in (whole(x, np.zeros(5, "u1")), Histogram.zero(np.dtype(dtype))):
        assert answers(h) == [0, 0, 0] + [None] * 11


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_constant_has_no_spread(dtype):
    h = whole(np.full(7, 0.1 if dtype[0] == "f" else 3, dtype))
    assert h.sd == 0
    assert h.mean == h.min == h.max == h.percentile(50) == h.percentile(99.5)


def test_the_moments_are_exact():
    """A float64 sum would lose the ones."""
    h = whole(np.array([1e30, 1, 1, -1e30], "f4"))
    assert h.mean == 0.5


def test_real_valued_percentiles_of_a_large_array():
    x = np.random.default_rng(0).normal(-200, 400, (20, 50, 50)).astype("f4")
    h = whole(x)
    for q in PERCENTILES.values():
        assert h.percentile(q) == pytest.approx(np.percentile(x.astype("f8"), q), rel=1e-12)
    assert h.sd == pytest.approx(x.astype("f8").std(), rel=1e-12)
    with pytest.raises(ValueError, match="detail"):
        Histogram.of(x).percentile(50)


def test_types_do_not_mix():
    with pytest.raises(TypeError, match="add up"):
        Histogram.zero(np.dtype("i2")) + Histogram.zero(np.dtype("u2"))


def test_named_percentiles_need_no_others():
    x = np.random.default_rng(0).normal(0, 400, 5000).astype("f4")
    first = Histogram.of(x, sums=False)
    h = first + first.detail(x, percentiles=(3, 60.5))
    assert len(h.within) <= 4
    assert [h.percentile(q) for q in (3, 60.5)] == pytest.approx(np.percentile(x.astype("f8"), (3, 60.5)), rel=1e-14)
    for number in ("mean", "sd", "otsu"):
        with pytest.raises(ValueError, match="without sums"):
            getattr(h, number)
    with pytest.raises(TypeError, match="sums"):
        first + Histogram.of(x)


def test_distinct_values_are_told_apart_where_bins_were_looked_into():
    x = np.array([5, 5.001, 5.001, 300, 300.25, -2, -2.001], "f4")
    first = Histogram.of(x)
    value, n = (first + first.detail(x, percentiles=(), fullest=9)).distinct
    expected, times = np.unique(x, return_counts=True)
    assert (value.tolist(), n.tolist()) == (expected.tolist(), times.tolist())
    value, n = (first + first.detail(x, percentiles=(), fullest=1)).distinct
    assert n.tolist() == [2, 1, 2, 2]
    assert value[1:3].tolist() == [5, np.float32(5.001)]
    assert value[0] >= -2
    assert value[3] >= 300.25


@pytest.mark.parametrize("dtype", ["int16", "float16"])
def test_distinct_values_of_narrow_types_are_numpys(dtype):
    x = np.random.default_rng(0).integers(-9, 9, 50).astype(dtype)
    value, n = Histogram.of(x).distinct
    expected, times = np.unique(x, return_counts=True)
    assert (value.tolist(), n.tolist()) == (expected.tolist(), times.tolist())
