"""Formulas: compiled code has the bits of whole arrays, for every dtype, layout and strange value."""

import numpy as np
import pytest

from pipeline.kernels.halves import NATIVE
from pipeline.kernels.pointwise import Gamma, Line, plain, pointwise

FORMULAS = [
    Gamma(*map(np.float32, (0.7, 0, 1, 0))),
    Gamma(*map(np.float32, (1.5, -100, 300, 1))),
    Line(*map(np.float32, (1.25, 0.5, 0.5, 0, 1))),
    Line(*map(np.float32, (0.75, 0, 3, -np.inf, np.inf))),
]


def volume(dtype, shape=(3, 5, 37)):
    rng = np.random.default_rng(0)
    if dtype.kind == "f":
        x = rng.normal(0.5, 1, shape).astype(dtype)
        x.flat[:8] = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1, 6e-8, 300]
        return x
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -400), min(info.max, 400), shape).astype(dtype)


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("dtype", NATIVE, ids=str)
def test_compiled_has_the_bits_of_the_definition(dtype, formula):
    x = volume(dtype)
    x.setflags(write=False)
    for y in (x, x[1:, 2:4, 3:30], x[:, :, ::2], x[::-1], np.asfortranarray(x), x[:, :0]):
        made, defined = pointwise(y, formula), plain(y, formula)
        assert made.dtype == dtype
        np.testing.assert_array_equal(made, defined)
    assert np.array_equal(x, volume(dtype), equal_nan=dtype.kind == "f")


@pytest.mark.parametrize("dtype", ["float64", "int32", "bool", ">i2"])
def test_refuses(dtype):
    with pytest.raises(TypeError, match="native int16"):
        pointwise(np.zeros((1, 1, 1), dtype), FORMULAS[0])
