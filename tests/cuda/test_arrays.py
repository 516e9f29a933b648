"""Kernels that are whole-array operations on a GPU: with a stand-in for CuPy, the bits of the compiled CPU forms."""

import numpy as np
import pytest

from pipeline.kernels import extent, intensity
from pipeline.kernels.ramp import window
from tests.cuda.standin import device, installed
from tests.cuda.test_linear import image


@pytest.fixture(autouse=True)
def cupy():
    with installed():
        yield


def test_arrays_do_not_mix():
    x = device(np.ones(3))
    with pytest.raises(TypeError, match="do not mix"):
        x + np.ones(3)
    with pytest.raises(TypeError, match="handed a CuPy array"):
        np.concatenate([x, x])


@pytest.mark.parametrize("made", ["float16", "float32", "uint8"])
@pytest.mark.parametrize("source", ["int16", "uint8", "float32", "float16"])
def test_ramp(source, made):
    x, ramp = image(source if source != "float16" else "float32").astype(source), window(40, 400, made)
    told = intensity.ramp(device(x), ramp).get()
    assert told.tobytes() == intensity.ramp(x, ramp).tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_extents(dtype):
    x = np.random.default_rng(0).choice([0, 0, 0, 1, 3, 200], (5, 9, 11)).astype(dtype)
    x[3] = 0
    for labels in (x, np.zeros_like(x), x[:0]):
        told, expected = extent.extents(device(labels)), extent.extents(labels)
        assert (told[0] == expected[0]).all()
        assert (told[1] == expected[1]).all()
