"""Piecewise linear maps: NumPy's interpolation as oracle, the definition's bits, strange values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kernels import lookup

KNOTS = st.lists(st.integers(-900, 900), min_size=2, max_size=40, unique=True).map(sorted)
DTYPES = ["int16", "uint16", "uint8", "float32", "float16", "int32", "float64"]


def volume(dtype, seed=0, shape=(2, 3, 50)):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0 if dtype[0] == "u" else -1200, 255 if dtype == "uint8" else 1200, shape).astype(dtype)
    if np.dtype(dtype).kind == "f":
        x.flat[:6] = [np.nan, -np.inf, np.inf, -0.0, 0.0, 1e-7]
    return x


def values(knots, seed):
    return np.random.default_rng(seed).uniform(-5, 5, len(knots)).tolist()


def same(a, b):
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@given(
    KNOTS, st.sampled_from(DTYPES), st.booleans(), st.sampled_from(["float32", "float16", "uint8"]), st.integers(0, 99)
)
def test_compiled_has_the_bits_of_the_definition(knots, dtype, flat, made, seed):
    x, target = volume(dtype, seed), values(knots, seed)
    # Right on the knots, and one float beside them.
    if dtype == "float32":
        on = np.asarray(knots[:20], "f4")
        x.flat[10 : 10 + on.size] = on
        x.flat[40 : 40 + on.size] = np.nextafter(on, -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):  # an infinity on a level line
        expected = lookup.plain(x, *lookup.lines(knots, target), flat, np.dtype(made))
        assert same(lookup.piecewise(x, knots, target, flat, made), expected)


@given(KNOTS, st.integers(0, 99), st.sampled_from(["int16", "float32"]))
def test_equals_numpy(knots, seed, dtype):
    x, target = volume(dtype, seed), values(knots, seed)
    x = np.nan_to_num(x, posinf=7, neginf=7)
    made = lookup.piecewise(x, knots, target, True)
    np.testing.assert_allclose(made, np.interp(x.astype("f8"), knots, target), atol=2e-6 * 1200)


def test_beyond_the_knots_lines_go_on_or_stop():
    x = np.array([[[-10, 0, 5, 10, 30]]], "i2")
    for dtype in ("i2", "f4"):
        on = lookup.piecewise(x.astype(dtype), (0, 10), (1, 2), False).ravel()
        np.testing.assert_allclose(on, [0, 1, 1.5, 2, 4], atol=1e-6)
        stopped = lookup.piecewise(x.astype(dtype), (0, 10), (2, 1), True).ravel()
        np.testing.assert_allclose(stopped, [2, 2, 1.5, 1, 1], atol=1e-6)


def test_a_flat_map_never_leaves_its_targets():
    knots = np.cumsum(np.random.default_rng(1).uniform(0.01, 3, 300))
    target = np.linspace(0, 1, 300) ** 3
    x = np.random.default_rng(2).uniform(-5, 600, (4, 50, 50)).astype("f4")
    made = lookup.piecewise(x, knots, target, True)
    assert (made.min(), made.max()) == (0, 1)


def test_empty_and_crops_and_read_only():
    x = volume("int16")
    assert lookup.piecewise(x[:, :0], (0, 1), (0, 1), True).shape == (2, 0, 50)
    x.flags.writeable = False
    for y in (x[:, ::2, 3:40], x[:, :, ::2], np.asfortranarray(x)):
        for z in (y, y.astype("f4")):
            expected = lookup.plain(z, *lookup.lines((0, 9), (0, 1)), False, np.dtype("f4"))
            assert same(lookup.piecewise(z, (0, 9), (0, 1), False), expected)


@pytest.mark.parametrize(
    ("source", "target", "word"),
    [
        ((0,), (0,), "at least two"),
        ((0, 1), (0, 1, 2), "equally many"),
        ((0, 0), (0, 1), "rise"),
        ((1, 0), (0, 1), "rise"),
        ((1e9, 1e9 + 1), (0, 1), "rise"),
        ((0, np.inf), (0, 1), "finite"),
        ((0, 1), (np.nan, 1), "finite"),
        ((0, 1e-30), (0, 1e30), "steeper"),
    ],
)
def test_refuses(source, target, word):
    with pytest.raises(ValueError, match=word):
        lookup.lines(source, target)
