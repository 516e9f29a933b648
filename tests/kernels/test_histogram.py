"""Exact histograms: NumPy's unique values as oracle, for every type."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.kernels import histogram

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "float16", "float32"]
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=3, max_side=9)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_bins_stand_in_the_order_of_their_values(dtype):
    value = histogram.values(np.dtype(dtype))
    finite = np.flatnonzero(np.isfinite(value))
    assert (np.diff(finite) == 1).all()
    # -0 and 0 are two bins of the floats
    assert (np.diff(value[finite]) >= 0).all()
    assert value.size == histogram.bins(np.dtype(dtype))


@given(ARRAYS, st.integers(0, 2**32), st.booleans())
def test_equals_unique(x, seed, masked):
    valid = np.random.default_rng(seed).random(x.shape) < 0.6 if masked else None
    counts, nan, infinite = histogram.count(x, valid)
    wide = x.astype("f8") if valid is None else x[valid].astype("f8")
    assert (nan, infinite) == (np.isnan(wide).sum(), np.isinf(wide).sum())
    finite = wide[np.isfinite(wide)]
    assert counts.dtype == np.int64
    assert counts[:, 0].sum() == finite.size
    if x.dtype != np.float32:
        found, n = np.unique(finite, return_counts=True)
        value = histogram.values(x.dtype)
        for v, expected in zip(found, n, strict=True):
            assert counts[value == v, 0].sum() == expected


@given(
    hnp.arrays(
        "float32", st.integers(0, 60), elements=st.floats(width=32, allow_nan=False, allow_infinity=False) | st.just(1)
    ),
    st.integers(0, 2**32),
)
def test_a_float32_bin_and_its_detail(x, seed):
    valid = (np.random.default_rng(seed).random(x.shape) < 0.6).astype("u1")
    counts = histogram.count(x, valid)[0]
    keys = tuple(np.flatnonzero(counts[:, 0]).tolist())
    rows = histogram.detail(x, keys, valid)
    low = np.arange(65536)
    made = []
    for key, row in zip(keys, rows, strict=True):
        assert counts[key].tolist() == [row.sum(), (row * low).sum(), (row * low**2).sum()]
        values = histogram.detail_values(key)
        assert values[0] == histogram.values(x.dtype)[key]
        assert values[1] - values[0] == histogram.steps(x.dtype)[key]
        made.append(np.repeat(values, row))
    expected = np.sort(x[valid == 1]).astype("f8")
    np.testing.assert_array_equal(np.concatenate([*made, np.zeros(0)]), expected)


def test_a_crop_is_counted_as_it_stands():
    x = np.arange(60, dtype="i2").reshape(3, 4, 5)[:, ::2, 1:]
    counts = histogram.count(x)[0]
    assert np.flatnonzero(counts[:, 0]).tolist() == (32768 + x.astype(int)).ravel().tolist()


def test_does_not_write_its_input():
    for dtype in DTYPES:
        x = np.ones((2, 3, 4), dtype)
        x.flags.writeable = False
        histogram.count(x, x.astype("u1"))


@pytest.mark.parametrize("dtype", ["float64", "int32", "uint64", "complex64"])
def test_refuses_types_without_bins(dtype):
    with pytest.raises(TypeError, match=dtype):
        histogram.count(np.zeros(3, dtype))


@pytest.mark.parametrize("valid", [np.ones(4, "u1"), np.ones(3, "f4"), np.ones((3, 1), "?")])
def test_refuses_a_mask_that_is_none(valid):
    with pytest.raises(TypeError, match="validity mask"):
        histogram.count(np.zeros(3, "i2"), valid)


@given(hnp.arrays("float32", hnp.array_shapes(max_dims=3, max_side=9)), st.integers(0, 2**32), st.booleans())
def test_without_sums_the_counts_are_the_same(x, seed, masked):
    valid = np.random.default_rng(seed).random(x.shape) < 0.6 if masked else None
    full, few = histogram.count(x, valid), histogram.count(x, valid, sums=False)
    assert few[0].shape == (65536, 1)
    np.testing.assert_array_equal(few[0][:, 0], full[0][:, 0])
    assert few[1:] == full[1:]


@pytest.mark.parametrize("dtype", DTYPES)
def test_words_that_are_not_aligned_and_voxels_that_fill_none(dtype):
    whole = np.random.default_rng(3).integers(0, 2, 40).astype(dtype)
    for first in range(5):
        for last in range(first, first + 9):
            x = whole[first:last]
            counts = histogram.count(x, sums=False)[0]
            assert counts.sum() == x.size
            assert counts[histogram.values(x.dtype) == 1].sum() == (x == 1).sum()


def test_at_most_255_bins_are_looked_into():
    x = np.ones(3, "f4")
    assert histogram.detail(x, tuple(range(255))).shape == (255, 65536)
    with pytest.raises(ValueError, match="255"):
        histogram.detail(x, tuple(range(256)))
