"""Sums over cells: exact, the same from any cut, and the same in both forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import cells

DTYPES = ["i2", "u2", "u1", "f4", "f2"]
three = st.tuples(*[st.integers(1, 4)] * 3)


def noise(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0 if dtype[0] == "u" else -200, 250, shape).astype(dtype)
    if dtype[0] == "f":
        x.flat[0], x.flat[-1] = np.nan, np.inf
    return x, (rng.random(shape) < 0.6).astype("u1")


@settings(max_examples=40)
@given(st.sampled_from(DTYPES), st.tuples(*[st.integers(1, 9)] * 3), three, three, three, st.booleans(), st.data())
def test_cuts_add_up_to_the_sums_of_numpy(dtype, shape, start, factor, count, masked, data):
    start = tuple(2 - a for a in start)
    x, mask = noise(shape, dtype, data.draw(st.integers(0, 99)))
    mask = mask if masked else None
    sums, counts = cells.sums(x, mask, start, factor, count)
    values = np.where(np.isfinite(x), x, 0).astype("f8")
    known = np.isfinite(x) & (True if mask is None else mask != 0)
    whole = np.rint(values * cells.scale(x.dtype)).astype("i8") * known
    expected = np.zeros((2, *count), "i8")
    for index in np.ndindex(shape):
        cell = tuple((a + n) // f for a, n, f in zip(start, index, factor, strict=True))
        if all(0 <= c < n for c, n in zip(cell, count, strict=True)):
            expected[0][cell] += whole[index]
            expected[1][cell] += known[index]
    np.testing.assert_array_equal((sums, counts), expected)
    if dtype != "f2":
        np.testing.assert_array_equal(cells.plain(x, mask, start, factor, count), expected)
    at = data.draw(st.integers(0, shape[0]))
    halves = [
        np.array(cells.sums(x[part], None if mask is None else mask[part], (start[0] + low, *start[1:]), factor, count))
        for low, part in ((0, slice(None, at)), (at, slice(at, None)))
    ]
    np.testing.assert_array_equal(halves[0] + halves[1], expected)


def test_floats_are_summed_in_steps_and_what_is_too_large_is_not_counted():
    x = np.float32([[[0.25, 2.0**-21, 3e9, -3e10]]])
    sums, counts = cells.sums(x, None, (0, 0, 0), (1, 1, 4), (1, 1, 1))
    assert counts.item() == 3
    assert sums.item() == round((0.25 + 3e9) * 2**20)


def test_other_types_are_refused():
    with pytest.raises(TypeError):
        cells.sums(np.zeros((2, 2, 2), "f8"), None, (0, 0, 0), (1, 1, 1), (2, 2, 2))
