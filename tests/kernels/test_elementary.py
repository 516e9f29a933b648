"""Exponential, logarithm and power: how near they are to float64, and that compiled code has the bits of arrays."""

import numpy as np
from numba import njit

from pipeline.kernels.elementary import exp, log, power

RNG = np.random.default_rng(0)


@njit
def compiled(x, exponent):
    made = np.empty((3, x.size), np.float32)
    for n in range(x.size):
        made[0, n], made[1, n], made[2, n] = log(x[n]), exp(x[n]), power(x[n], exponent)
    return made


def test_compiled_has_the_bits_of_arrays():
    x = np.exp(RNG.uniform(-87, 0, 20_000)).astype("f4")
    exponent = np.float32(1.3)
    assert compiled(x, exponent).tobytes() == np.stack([log(x), exp(x), power(x, exponent)]).tobytes()


def test_log():
    x = np.exp(RNG.uniform(-87, 88, 200_000)).astype("f4")
    assert abs(log(x) / np.log(x.astype("f8")) - 1).max() < 1e-7
    near = RNG.uniform(0.5, 2, 200_000).astype("f4")
    near = near[near != 1]
    assert abs(log(near) / np.log(near.astype("f8")) - 1).max() < 1e-7
    assert log(np.float32([1])) == 0


def test_exp():
    x = RNG.uniform(-87, 88, 200_000).astype("f4")
    assert abs(exp(x) / np.exp(x.astype("f8")) - 1).max() < 2e-7
    first, last = exp(np.float32([-87, 88]))
    assert exp(np.float32([0, -1e9, -np.inf, np.nan, 1e9, np.inf])).tolist() == [1, first, first, first, last, last]


def test_power():
    x = RNG.uniform(0, 1, 200_000).astype("f4")
    x = np.concatenate([x, x**8])
    x = x[x > 1e-20]
    for exponent in np.float32([0.3, 0.7, 1, 1.5, 3]):
        exact = x.astype("f8") ** np.float64(exponent)
        kept = exact > 1e-37
        tolerance = 2e-7 * (1 + exponent * abs(np.log(x.astype("f8"))))
        assert (abs(power(x, exponent) / exact - 1) < tolerance)[kept].all()
        assert power(np.float32([0, -1, 1, np.nan, 1e-40]), exponent).tolist() == [0, 0, 1, 0, 0]
