"""Convolution by Winograd's tiles, against its definition in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels.winograd import Winograd, suits
from tests.kernels.convolved import convolved, noise

SIZES = st.tuples(*[st.integers(1, 7), st.integers(1, 9), st.integers(1, 60)])


def made(by, *parts):
    out = np.full((len(by.bias), *parts[0].shape[1:]), np.nan, "f4")
    by.convolve(by.laid(parts), out, (0, out.shape[1]))
    return out


@settings(max_examples=40)
@given(SIZES, st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
def test_it_is_the_convolution(shape, channels, count, deep):
    x, weight, bias = noise(channels, *shape), noise(count, channels, deep, 3, 3, seed=1), noise(count, seed=2)
    result = made(Winograd.of(weight, bias), x)
    assert np.allclose(result, convolved(x, weight, bias), rtol=0, atol=2e-6 * 27 * channels)


def test_long_rows_and_many_channels():
    """More columns than a call multiplies, more numbers than the cache holds."""
    x, weight = noise(96, 4, 6, 99), noise(5, 96, 3, 3, 3, seed=1) / 50
    assert np.allclose(made(Winograd.of(weight), x), convolved(x, weight, np.zeros(5)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("deep", [1, 3])
def test_any_planes_at_a_time_are_the_same_bits(deep):
    x, by = noise(5, 9, 7, 30), Winograd.of(noise(6, 5, deep, 3, 3, seed=1))
    whole, parts = made(by, x), np.full((6, 9, 7, 30), np.nan, "f4")
    for first, last in ((0, 2), (2, 8), (8, 9)):
        by.convolve(by.laid([x]), parts, (first, last))
    assert np.array_equal(whole, parts)


def test_a_cut_of_a_larger_source_is_the_same_bits():
    """What lies two voxels away does not matter, to the bit, where tiles lie the same."""
    x, by = noise(3, 10, 12, 40), Winograd.of(noise(4, 3, 3, 3, 3, seed=1))
    middle = x[:, 2:8, 2:10, 2:30].copy()
    assert np.array_equal(made(by, x)[:, 3:7, 3:9, 3:29], made(by, middle)[:, 1:5, 1:7, 1:27])


def test_parts_are_as_if_concatenated():
    x, by = noise(7, 4, 5, 6), Winograd.of(noise(3, 7, 3, 3, 3, seed=1))
    assert np.array_equal(made(by, x), made(by, x[:2], x[2:]))


def test_numbers_that_are_not_finite_stay_near():
    """Columns between two rows, which are never read, take part in nothing."""
    x, by = noise(2, 6, 6, 12), Winograd.of(noise(4, 2, 3, 3, 3, seed=1))
    x[:, 3, 3, 6] = np.nan
    bad = np.isnan(made(by, x))
    assert bad[:, 2:5, 2:5, 5:8].all()
    assert not bad[..., :5].any()
    assert not bad[..., 8:].any()
    assert not bad[:, :, :, 5:8][:, 0].any()


def test_what_it_knows():
    assert suits((3, 3, 3))
    assert suits((1, 3, 3))
    assert not any(map(suits, [(3, 1, 3), (3, 3, 1), (1, 1, 1), (5, 5, 5)]))
