"""similarity.cu: the integers of the compiled CPU form, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import quality
from pipeline.kernels.cuda import similarity
from tests.cuda.standin import device

SOURCE, TESTED = "similarity.cu", similarity.KERNELS["similarity.cu"]


def pair(shape, seed=0, invalid=0.001):
    rng = np.random.default_rng(seed)
    a = rng.integers(-2048, 2048, shape).astype("i2")
    b = np.clip(a + rng.integers(-90, 91, shape), -2048, 2047).astype("i2")
    b[rng.random(shape) < invalid] = quality.INVALID
    return a, b


def same(a, b, **how):
    return quality.compare(device(a), device(b), **how) == quality.compare(a, b, **how)


@pytest.mark.parametrize("stride", [1, 3, 4, 9])
@pytest.mark.parametrize("shape", [(9, 10, 23), (1, 20, 19), (5, 3, 40), (1, 1, 1)])
def test_the_integers_of_the_cpu(oracle, shape, stride):
    assert same(*pair(shape), stride=stride)


@given(
    st.tuples(*[st.integers(1, 16)] * 3), st.tuples(*[st.integers(0, 9)] * 3), st.integers(1, 6), st.integers(0, 2**32)
)
@settings(max_examples=12)
def test_blocks(oracle, own, start, stride, seed):
    rng = np.random.default_rng(seed)
    a, b = pair([n + int(rng.integers(0, 7)) for n in own], seed)
    window = tuple(int(rng.integers(1, 8)) for _ in own)
    assert same(a, b, own=own, start=start, window=window, stride=stride)


def test_nothing_valid(oracle):
    a = device(np.full((8, 8, 8), quality.INVALID, "i2"))
    assert quality.compare(a, a) == (0, 0, quality.ONE, 0, 0, 0)


def test_extremes_do_not_overflow(oracle):
    a = np.full((7, 7, 7), -2048, "i2")
    assert same(a, -1 - a)


@pytest.mark.parametrize("dtype", ["int16", "float16", "float32"])
def test_quantise(oracle, dtype):
    x = np.random.default_rng(0).normal(40, 300, (3, 9, 11)).astype(dtype)
    if x.dtype.kind == "f":
        x[0, 0, :3] = np.nan, np.inf, -np.inf
    valid = np.random.default_rng(1).integers(0, 2, x.shape, "u1")
    for mask in (None, valid):
        told = quality.quantise(device(x), -160, 240.5, None if mask is None else device(mask))
        assert (told.get() == quality.quantise(x, -160, 240.5, mask)).all()
