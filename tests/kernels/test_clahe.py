"""Equalization against scikit-image's call, to the bit, and what is done around it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.exposure import equalize_adapthist

from pipeline.kernels.clahe import equalize


def noise(shape, seed=0):
    x = np.random.default_rng(seed).uniform(-100, 300, shape).astype("f4")
    x.flat[0], x.flat[-1] = -100, 300
    return x


@settings(max_examples=25)
@given(st.data())
def test_is_scikit_images_call_to_the_bit(data):
    shape = data.draw(st.tuples(*[st.integers(1, 14)] * 3))
    kernel = [data.draw(st.integers(1, n)) for n in shape]
    limit = data.draw(st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.3, 1.0]))
    bins = data.draw(st.sampled_from([2, 7, 64, 256, 1024]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = (rng.normal(0.4, 0.2, shape) ** data.draw(st.sampled_from([1, 3])) * 65535).clip(0, 65535).astype("u2")
    made = equalize(x, 0.0, 65535.0, kernel, limit, bins, "float32")
    if x.min() < x.max():
        expected = equalize_adapthist.__wrapped__(x, kernel, limit, bins)
        np.testing.assert_array_equal(made, expected.astype("f4"))


def test_an_outlier_moves_nothing_else():
    x = noise((8, 16, 16))
    far = x.copy()
    far[4, 5, 6], x[4, 5, 6] = 1e9, 300
    np.testing.assert_array_equal(*(equalize(a, 0.0, 200.0, (8, 8, 8), 0.01, 256, "float32") for a in (x, far)))


@pytest.mark.parametrize("width", [1, 3, 4])
def test_no_width_is_taken_for_colour(width):
    x = noise((16, 16, width))
    made = equalize(x, -100.0, 300.0, (8, 8, width), 0.01, 256, "float32")
    turned = equalize(np.ascontiguousarray(x.transpose(2, 1, 0)), -100.0, 300.0, (width, 8, 8), 0.01, 256, "float32")
    np.testing.assert_allclose(made, turned.transpose(2, 1, 0), atol=1e-3)
    assert (made.min(), made.max()) == (0, 1)


@settings(max_examples=20)
@given(st.sampled_from(["i2", "u1", "f4", "f2"]), st.tuples(*[st.integers(0, 20)] * 3), st.integers(0, 99))
def test_every_shape_and_type_stays_within_0_and_1(dtype, shape, seed):
    x = np.random.default_rng(seed).uniform(0, 200, shape).astype(dtype)
    if x.size and dtype[0] == "f":
        x.flat[0] = np.nan
    before = x.copy()
    made = equalize(x, 20.0, 150.0, [min(n, 8) for n in shape], 0.01, 64, "float16")
    assert (made.shape, made.dtype) == (x.shape, np.float16)
    assert ((made >= 0) & (made <= 1)).all()
    assert before.tobytes() == x.tobytes()


def test_a_constant_stays_one():
    made = equalize(np.full((3, 4, 5), 50, "i2"), 0.0, 200.0, (3, 4, 5), 0.01, 64, "float32")
    np.testing.assert_allclose(made, 0.25, atol=1e-5)
