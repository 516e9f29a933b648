"""histogram.cu: exact, whatever the voxels, their number and where they lie in memory."""

import numpy as np
import pytest

from pipeline.kernels import histogram as cpu
from pipeline.kernels import moments
from pipeline.kernels.cuda import histogram
from tests.cuda.standin import device

SOURCE, TESTED = "histogram.cu", histogram.KERNELS["histogram.cu"]
LENGTHS = [1, 7, 255, 4099, 20011]


def voxels(dtype, n, seed=0):
    """Half of them one value, as air is; the others anywhere."""
    rng = np.random.default_rng(seed)
    if dtype.startswith("float"):
        x = rng.normal(0, 10, n).astype(dtype)
        x[5::17], x[7::19], x[-1:] = np.nan, -np.inf, -0.0
    else:
        x = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, n, dtype, endpoint=True)
    x[n // 4 : 3 * n // 4] = x[0]
    return x


def same(told, expected):
    return (told[0] == expected[0]).all() and told[1:] == expected[1:]


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "float16", "float32"])
def test_every_voxel_counts_once(oracle, dtype, n):
    for first in (0, 1, 3):  # not all begin where 16 bytes do
        x = voxels(dtype, n + first)
        for sums in (False, True) if dtype == "float32" else (True,):
            assert same(cpu.count(device(x)[first:], sums=sums), cpu.count(x[first:], sums=sums))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_weights(oracle, dtype):
    x = voxels(dtype, 4099)
    valid = np.random.default_rng(0).integers(0, 2, x.size, "u1")
    for sums in (False, True):
        assert same(cpu.count(device(x), device(valid), sums), cpu.count(x, valid, sums))


@pytest.mark.parametrize("n", LENGTHS)
def test_detail(oracle, n):
    x, valid = voxels("float32", n), np.random.default_rng(0).integers(0, 2, n, "u1")
    keys = tuple(np.argsort(cpu.count(x)[0][:, 0])[-3:].tolist())
    assert (cpu.detail(device(x), keys) == cpu.detail(x, keys)).all()
    assert (cpu.detail(device(x), keys, device(valid)) == cpu.detail(x, keys, valid)).all()


def test_a_ct_wraps_round_in_its_patterns(oracle):
    """-1024 HU and 3071 HU lie at both ends of the bit patterns, and in one window of bins."""
    x = np.random.default_rng(0).integers(-1024, 3072, 9000, "i2")
    x[:40], x[-1] = -1024, 32767
    assert same(cpu.count(device(x)), cpu.count(x))


def test_no_voxel(oracle):
    assert not cpu.count(device(np.zeros(0, "u2")))[0].any()


@pytest.mark.parametrize("weighted", [False, True])
def test_moments(oracle, weighted):
    for dtype in ("int16", "uint8", "float16", "float32"):
        x = voxels(dtype, 4099)
        valid = np.random.default_rng(0).integers(0, 2, x.size, "u1") if weighted else None
        here, there = (x, valid), (device(x), None if valid is None else device(valid))
        if x.dtype.kind == "f":
            assert moments.extremes(*there) == moments.extremes(*here)
            power = moments.exponent(moments.extremes(x)[2])
            told, expected = (moments.fixed_sums(a, power, b) for a, b in (there, here))
        else:
            told, expected = (moments.whole_sums(*given) for given in (there, here))
        assert told == expected
