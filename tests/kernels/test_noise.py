"""Noise: compiled code has the bits of whole arrays, for every dtype and layout."""

import numpy as np
import pytest

from pipeline.kernels.halves import NATIVE
from pipeline.kernels.noise import Gaussian, Poisson, Rician, noise, plain

MODELS = [Gaussian(np.float32(20)), Rician(np.float32(20)), Poisson(*map(np.float32, (20, -1000, 0)))]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dtype", NATIVE, ids=str)
def test_compiled_has_the_bits_of_the_definition(dtype, model):
    x = np.random.default_rng(0).normal(100, 90, (3, 5, 37)).clip(0, 255).astype(dtype)
    kept = x.copy()
    x.setflags(write=False)
    start = (-2, 3, -5)
    for y in (x, x[1:, 2:4, 3:30], x[:, :, ::2], np.asfortranarray(x), x[:, :0]):
        made = noise(y, model, 2**63 + 5, start)
        assert made.dtype == dtype
        assert made.tobytes() == plain(y, model, 2**63 + 5, start).tobytes()
    assert np.array_equal(x, kept)


def test_nan_stays_nan_in_floats():
    x = np.full((1, 2, 3), np.nan, np.float32)
    assert all(np.isnan(noise(x, model, 0, (0, 0, 0))).all() for model in MODELS)


def test_refuses():
    with pytest.raises(TypeError, match="native int16"):
        noise(np.zeros((1, 1, 1)), MODELS[0], 0, (0, 0, 0))
