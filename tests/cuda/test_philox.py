"""philox.cu: the words and the normal numbers of kernels/philox.py, bit for bit."""

import sys

import pytest

from pipeline.kernels import philox as cpu
from pipeline.kernels.cuda import philox

SOURCE, TESTED = "philox.cu", philox.KERNELS["philox.cu"]
KEY = 0x1BD11BDAA9FC1A22


@pytest.mark.parametrize("start", [(0, 0, 0), (5, -3, -7), (-1, 2**30, 3)])
@pytest.mark.parametrize("shape", [(3, 9, 37), (1, 1, 1), (2, 8, 128)])
@pytest.mark.parametrize(("dtype", "drawn"), [("uint32", cpu.words), ("float32", cpu.normal)])
def test_the_bits_of_the_cpu(oracle, dtype, drawn, shape, start):
    told = drawn(KEY, start, shape, 3, sys.modules["cupy"]).get()
    assert told.dtype == dtype
    assert told.tobytes() == drawn(KEY, start, shape, 3).tobytes()


def test_known_answers(oracle):
    """Random123's kat_vectors: counter and key all ones, and all zeros."""
    xp = sys.modules["cupy"]
    zeros = cpu.words(0, (0, 0, 0), (1, 1, 4), 0, xp)
    assert [f"{w:08x}" for w in zeros[0, 0]] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]
    ones = cpu.words(2**64 - 1, (-1, -1, -4), (1, 1, 4), 2**32 - 1, xp)
    assert [f"{w:08x}" for w in ones[0, 0]] == ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]


def test_the_tails(oracle):
    """Many numbers, so that both branches of the quantile are taken far out."""
    told = cpu.normal(KEY, (0, 0, 0), (4, 64, 256), xp=sys.modules["cupy"]).get()
    assert told.tobytes() == cpu.normal(KEY, (0, 0, 0), told.shape).tobytes()
    assert abs(told).max() > 4
    assert (abs(told) < 1e-4).any()
