"""Whole vectors against NumPy, to the bit."""

import numpy as np
import pytest
from numba import njit

from pipeline.kernels.vectors import LANES, SIDE, blend, transpose


@njit
def blended(x, a, stride, weights, w, taps):
    out = np.full(LANES + 4, np.float32(7))
    blend(out, 2, x, a, stride, weights, w, taps)
    return out


@njit
def transposed(x, a, stride, row):
    out = np.zeros(SIDE * row, np.float32)
    transpose(out, 0, row, x, a, stride)
    return out


@pytest.mark.parametrize("taps", [1, 2, 7])
def test_blend_adds_products_in_the_order_of_the_taps(taps):
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=1000).astype("f4"), rng.normal(size=20).astype("f4")
    expected = weights[3] * x[5 : 5 + LANES]
    for n in range(1, taps):
        expected = expected + weights[3 + n] * x[5 + n * 101 : 5 + n * 101 + LANES]
    made = blended(x, 5, 101, weights, 3, taps)
    assert np.array_equal(made[2:-2], expected)
    assert (made[[0, 1, -2, -1]] == 7).all()


def test_transpose_turns_a_square():
    x = np.random.default_rng(0).normal(size=400).astype("f4")
    square = np.array([x[3 + q * 20 :][:SIDE] for q in range(SIDE)])
    assert np.array_equal(transposed(x, 3, 20, 11).reshape(SIDE, 11)[:, :SIDE], square.T)
