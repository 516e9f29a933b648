"""Direct and transposed convolution, against their definitions in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels.direct import Direct
from tests.kernels.convolved import convolved, noise, transposed

SIZES = st.tuples(st.integers(1, 7), st.integers(1, 9), st.integers(1, 60))
KERNELS = st.tuples(*[st.sampled_from([1, 3, 5])] * 3)
STRIDES = st.tuples(*[st.integers(1, 3)] * 3)


def made(by, *parts):
    out = np.full((len(by.bias), *by.shape(parts[0].shape[1:])), np.nan, "f4")
    by.convolve(by.laid(parts), out, (0, out.shape[1]))
    return out


@settings(max_examples=60)
@given(SIZES, KERNELS, STRIDES, st.integers(1, 5), st.integers(1, 9))
def test_it_is_the_convolution(shape, kernel, stride, channels, count):
    x, weight, bias = noise(channels, *shape), noise(count, channels, *kernel, seed=1), noise(count, seed=2)
    expected = convolved(x, weight, bias, stride)
    result = made(Direct.of(weight, bias, stride), x)
    assert result.shape == expected.shape
    assert np.allclose(result, expected, rtol=0, atol=1e-6 * weight[0].size)


@settings(max_examples=40)
@given(SIZES, STRIDES, st.integers(1, 9), st.integers(1, 5))
def test_it_is_the_transposed_convolution(shape, cell, channels, count):
    x, weight, bias = noise(channels, *shape), noise(channels, count, *cell, seed=1), noise(count, seed=2)
    result = made(Direct.transposed(weight, bias), x)
    assert np.allclose(result, transposed(x, weight, bias), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "by",
    [
        Direct.of(noise(6, 5, 3, 3, 3, seed=1), stride=(2, 2, 2)),
        Direct.transposed(noise(5, 3, 2, 2, 2, seed=1)),
    ],
)
def test_any_planes_at_a_time_are_the_same_bits(by):
    x = noise(5, 9, 7, 30)
    whole = made(by, x)
    parts = np.full_like(whole, np.nan)
    for first, last in ((0, 2), (2, 4), (4, len(whole[0]))):
        by.convolve(by.laid([x]), parts, (first, last))
    assert np.array_equal(whole, parts)


def test_parts_are_as_if_concatenated():
    x, by = noise(7, 4, 5, 6), Direct.of(noise(3, 7, 1, 1, 1, seed=1))
    assert np.array_equal(made(by, x), made(by, x[:2], x[2:]))
