"""histogram.cu: exact, whatever the voxels, their number and where they lie in memory."""

import numpy as np
import pytest

from pipeline.kernels import histogram as cpu
from pipeline.kernels.cuda import histogram

SOURCE, TESTED = "histogram.cu", histogram.KERNELS["histogram.cu"]
LENGTHS = [1, 7, 255, 4099, 20011]


def voxels(dtype, n, seed=0):
    """Half of them one value, as air is; the others anywhere."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, np.iinfo(dtype).max, n, dtype, endpoint=True)
    x[n // 4 : 3 * n // 4] = x[0]
    return x


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_voxel_counts_once(oracle, dtype, n):
    size = np.iinfo(dtype).max + 1
    for first in (0, 1, 3):  # not all begin where 16 bytes do
        x = voxels(dtype, n + first)[first:]
        assert (histogram.count(x, None) == np.bincount(x, minlength=size)).all()
        weights = np.random.default_rng(n).integers(0, 2, n, "u1")
        assert (histogram.count(x, weights) == np.bincount(x[weights == 1], minlength=size)).all()


def test_a_ct_wraps_round_in_its_patterns(oracle):
    """-1024 HU and 3071 HU lie at both ends of the bit patterns, and in one window of bins."""
    x = np.random.default_rng(0).integers(-1024, 3072, 9000, "i2")
    x[:40], x[-1] = -1024, 32767
    assert (histogram.count(x.view("u2"), None) == np.bincount(x.view("u2"), minlength=65536)).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", LENGTHS)
def test_floats_in_two_passes(oracle, n, weighted):
    rng = np.random.default_rng(n)
    x = rng.normal(0, 10, n).astype("f4")
    x[n // 3 : n // 2], x[5::17], x[7::19], x[-1:] = 3, np.nan, -np.inf, -0.0
    weights = rng.integers(0, 2, n, "u1") if weighted else None
    counts, nan, infinite = histogram.count_float32(x.view("u4"), weights)
    expected = cpu.count(x, weights)
    assert (counts == expected[0]).all()
    assert (nan, infinite) == expected[1:]
    upper = np.bincount(x.view("u4") >> 16, weights, 65536)
    assert (histogram.count(x.view("u4"), weights) == upper).all()
    row = np.zeros(65536, np.uint8)
    row[np.argsort(upper)[-3:]] = 1, 2, 3
    expected = cpu._detail(x.view("u4"), weights, row, 3)
    assert (histogram.detail(x.view("u4"), weights, row, 3) == expected).all()


def test_no_voxel(oracle):
    assert not histogram.count(np.zeros(0, "u2"), None).any()
