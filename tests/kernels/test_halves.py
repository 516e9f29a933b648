"""float16: compiled conversions have the values of NumPy's, for every bit pattern."""

import numpy as np

from pipeline.kernels.halves import narrowed, widened

EVERY = np.arange(65536, dtype="u2").view("f2").reshape(16, 64, 64)


def test_every_float16_is_widened_exactly():
    for x in (EVERY, EVERY[1:, 3:-1, 5:], EVERY[:, :, ::2], EVERY[:0]):
        np.testing.assert_array_equal(widened(x), x.astype("f4"))
        np.testing.assert_array_equal(narrowed(widened(x), x.dtype), x)


def test_float32_is_rounded_half_to_even():
    bits = np.random.default_rng(0).integers(0, 2**32, (4, 64, 512), "u4")
    x = np.where(np.isnan(bits.view("f4")), np.float32(1), bits.view("f4"))
    halfway = np.arange(2**15 - 2**10, dtype="u2").view("f2").astype("f4")
    halfway = (halfway[1:] + halfway[:-1]) / 2  # midway between two neighbours
    x.flat[: halfway.size] = halfway
    with np.errstate(over="ignore"):
        assert np.array_equal(narrowed(x, np.dtype("f2")), x.astype("f2"))


def test_all_else_stays_as_it_is():
    for dtype in ("int16", "uint8", "float32"):
        x = np.ones((1, 1, 1), dtype)
        assert widened(x) is narrowed(x, x.dtype) is x
