"""similarity.cu: the integers of kernels/quality.py, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import quality
from pipeline.kernels.cuda import similarity

SOURCE, TESTED = "similarity.cu", similarity.KERNELS["similarity.cu"]


def pair(shape, seed=0, invalid=0.001):
    rng = np.random.default_rng(seed)
    a = rng.integers(-2048, 2048, shape).astype("i2")
    b = np.clip(a + rng.integers(-90, 91, shape), -2048, 2047).astype("i2")
    b[rng.random(shape) < invalid] = quality.INVALID
    return a, b


def on_device(a, b, own, start, window, stride):
    first = tuple(-at % stride for at in start)
    last = tuple(min(o, n - w + 1) for o, n, w in zip(own, a.shape, window, strict=True))
    return similarity.similarity(a, b, own, first, last, window, stride, quality.ONE)


@pytest.mark.parametrize("stride", [1, 3, 4, 9])
@pytest.mark.parametrize("shape", [(9, 10, 23), (1, 20, 19), (5, 3, 40), (1, 1, 1)])
def test_the_integers_of_the_cpu(oracle, shape, stride):
    a, b = pair(shape)
    window = quality.window(shape)
    expected = quality.compare(a, b, stride=stride)
    assert quality.Sums(*on_device(a, b, shape, (0, 0, 0), window, stride)) == expected


@given(
    st.tuples(*[st.integers(1, 16)] * 3), st.tuples(*[st.integers(0, 9)] * 3), st.integers(1, 6), st.integers(0, 2**32)
)
@settings(max_examples=12)
def test_blocks(oracle, own, start, stride, seed):
    rng = np.random.default_rng(seed)
    a, b = pair([n + int(rng.integers(0, 7)) for n in own], seed)
    window = tuple(int(rng.integers(1, 8)) for _ in own)
    expected = quality.compare(a, b, own=own, start=start, window=window, stride=stride)
    assert quality.Sums(*on_device(a, b, own, start, window, stride)) == expected


def test_nothing_valid(oracle):
    a = np.full((8, 8, 8), quality.INVALID, "i2")
    assert on_device(a, a, a.shape, (0, 0, 0), (7, 7, 7), 4) == [0, 0, quality.ONE, 0, 0, 0]


def test_extremes_do_not_overflow(oracle):
    a, b = np.full((2, 7, 7, 7), -2048, "i2")
    b = np.full_like(a, 2047)
    expected = quality.compare(a, b)
    assert quality.Sums(*on_device(a, b, a.shape, (0, 0, 0), (7, 7, 7), 4)) == expected
