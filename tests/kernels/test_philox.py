"""Philox: its authors' known answers, any cut, and numbers that are as normal as they should be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from pipeline.kernels import philox

KEY = 0x0123456789ABCDEF

# Random123, kat_vectors: counter, key, block.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def numbers(text):
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_known_answers(counter, key, block):
    with np.errstate(over="ignore"):  # scalars here; arrays wrap silently
        assert list(philox.rounds(*numbers(counter), *numbers(key))) == numbers(block)


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_known_answers_through_the_lattice(counter, key, block):
    """The counter is (i / 4, j, k, stream), the lower half of the key comes first, four voxels share a block."""
    i, j, k, stream = (int(np.int32(np.uint32(word))) for word in numbers(counter))
    low, high = (int(word) for word in numbers(key))
    made = philox.words(low | high << 32, (k, j, 4 * i), (1, 1, 4), stream & 0xFFFFFFFF)
    assert made.ravel().tolist() == [int(word) for word in numbers(block)]


places = st.tuples(*[st.integers(-50, 50)] * 3)
shapes = st.tuples(*[st.integers(1, 9)] * 3)


@given(places, shapes, st.integers(0, 2**64 - 1), st.integers(0, 3))
def test_compiled_has_the_bits_of_the_definition(start, shape, key, stream):
    words = philox.words(key, start, shape, stream)
    assert words.dtype == np.uint32
    assert words.tobytes() == philox.plain(key, start, shape, stream).tobytes()
    normal = philox.normal(key, start, shape, stream)
    assert normal.tobytes() == philox.quantile(words.view(np.int32)).tobytes()


@given(places, shapes, places, shapes)
def test_any_cut_gives_the_whole(start, shape, other, size):
    """Where two boxes overlap, they hold the same numbers."""
    first, second = philox.normal(KEY, start, shape), philox.normal(KEY, other, size)
    low = np.maximum(start, other)
    high = np.minimum(np.add(start, shape), np.add(other, size))
    cut = [tuple(slice(*ends) for ends in zip(low - s, high - s, strict=True)) for s in (start, other)]
    if (high > low).all():
        assert first[cut[0]].tobytes() == second[cut[1]].tobytes()


def test_empty():
    assert philox.words(KEY, (0, 0, 0), (2, 0, 3)).shape == philox.normal(KEY, (0, 0, 0), (2, 0, 3)).shape == (2, 0, 3)


def test_quantile_is_the_inverse_of_the_normal_distribution():
    ends = np.int64(2**31)
    words = np.concatenate([np.arange(20_000) - ends, np.arange(-20_000, 20_000), ends - 1 - np.arange(20_000)])
    words = np.concatenate([words, np.random.default_rng(0).integers(-ends, ends, 200_000)]).astype("i4")
    below = np.minimum(words.astype("f8"), -1 - words.astype("f8"))
    exact = np.where(words < 0, 1, -1) * ndtri((below + 2.0**31 + 0.5) / 2**32)
    made = philox.quantile(words)
    assert abs(made - exact).max() < 2e-6
    assert abs(made / exact - 1).max() < 1e-6
    assert (made == -philox.quantile(-1 - words)).all()
    assert 6.3 < made.max() < 6.4


def test_uniform():
    made = philox.uniform(KEY, (0, 0, 0), (20, 50, 100))
    assert made.dtype == np.float32
    assert 0 < made.min() < made.max() < 1
    assert stats.kstest(made.ravel(), "uniform").pvalue > 0.01
    ends = (np.uint32([0, 2**32 - 1]) >> np.uint32(9)).astype("f4") + np.float32(0.5)
    assert (ends * np.float32(2.0**-23)).tolist() == [2.0**-24, 1 - 2.0**-24]


def test_normal():
    n = 40 * 50 * 100
    made = philox.normal(KEY, (-20, 3, 7), (40, 50, 100)).astype("f8")
    assert abs(made.mean()) < 4 / n**0.5
    assert abs(made.std() - 1) < 4 / (2 * n) ** 0.5
    assert stats.kstest(made.ravel(), "norm").pvalue > 0.01
    for axis in range(3):  # neighbours know nothing of one another
        a, b = np.delete(made, 0, axis).ravel(), np.delete(made, -1, axis).ravel()
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / a.size**0.5


@pytest.mark.parametrize("other", [{"key": KEY + 1}, {"key": KEY ^ 1 << 63}, {"stream": 1}])
def test_keys_and_streams_are_independent(other):
    shape = (10, 50, 100)
    first = philox.normal(KEY, (0, 0, 0), shape)
    second = philox.normal(**{"key": KEY, "start": (0, 0, 0), "shape": shape} | other)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / first.size**0.5
