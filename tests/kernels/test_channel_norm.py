"""Instance and group norm with LeakyReLU, against float64."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels.channel_norm import Norm, normalise
from tests.kernels.convolved import noise


def by_definition(x, norm):
    x = x.astype("f8").reshape(-1, norm.together * x[0].size)
    y = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + norm.eps)
    y = y.reshape(len(norm.gain), -1) * norm.gain[:, None] + norm.offset[:, None]
    return np.where(y > 0, y, norm.slope * y)


@settings(max_examples=40)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.tuples(*[st.integers(1, 9)] * 3),
    st.sampled_from([0.0, 0.01, 1.0]),
    st.sampled_from([1e-5, 2.0]),
)
def test_it_is_the_norm(groups, together, shape, slope, eps):
    channels = groups * together
    x = 3 * noise(channels, *shape) + 50
    norm = Norm(noise(channels, seed=1).astype("f8"), noise(channels, seed=2).astype("f8"), eps, together, slope)
    expected = by_definition(x, norm)
    normalise(x, norm, (0, channels))
    assert np.allclose(x.reshape(channels, -1), expected, rtol=0, atol=2e-4)


def test_any_channels_at_a_time_are_the_same_bits():
    x, norm = noise(6, 3, 5, 7), Norm(np.ones(6), np.zeros(6), 1e-5, 2, 0.01)
    parts = x.copy()
    normalise(x, norm, (0, 6))
    for span in ((0, 2), (2, 6)):
        normalise(parts, norm, span)
    assert np.array_equal(x, parts)


def test_a_constant_becomes_the_offset():
    x, norm = np.full((1, 3, 5, 7), 1000.1, "f4"), Norm(np.ones(1), np.full(1, 0.5), 1e-5)
    normalise(x, norm, (0, 1))
    assert np.allclose(x, 0.5, atol=0.05)
