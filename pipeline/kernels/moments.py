"""How many, how low, how high, and the sums of values and squares: all whole numbers, so that they add up.

Integers are summed as they are.  Floats are summed in fixed point: multiplied by a power of two that brings
the largest magnitude of the *whole* image below 2^26, then rounded half to even.  That magnitude is known
after a first pass only, so floats take two.
"""

from __future__ import annotations

from math import frexp

import numpy as np
from numba import njit

from pipeline.kernels import histogram
from pipeline.kernels.histogram import flat, weights_of
from pipeline.xp import Array, namespace

BITS = 26
"""Of the fixed point: its steps are at most 2^-26 of the largest magnitude."""

_PART = 1024
"""Voxels whose squares are summed before they are split: 2^10 x 2^52 fits 63 bits."""


def extremes(x: Array, valid: Array | None = None) -> tuple[int, float, float]:
    """``(n, lowest, highest)`` of the finite voxels of a float16 or float32 array; (0, inf, -inf) where there are none.

    ``valid`` is uint8 of 0 and 1, or bool, of the shape of x: voxels that count; all of them where None.
    """
    if namespace(x) is not np:
        return _extremes_of(_finite(_wide(x), valid))
    n, low, high = _extremes(flat(_wide(x), np.int32), weights_of(x, valid))
    if not n:
        return 0, float("inf"), float("-inf")
    ends = np.array([low, high], np.int32)
    values = np.where(ends < 0, ends ^ np.int32(0x7FFFFFFF), ends).view(np.float32).astype(float) + 0.0
    return n, *values.tolist()


def exponent(magnitude: float) -> int:
    """Of the power of two that brings ``magnitude`` below 2^BITS; the power itself is finite in float32.

    >>> exponent(1000.0), 1000 * 2 ** exponent(1000.0) < 2 ** BITS
    (16, True)
    """
    return min(BITS - frexp(magnitude)[1], 126)


def fixed_sums(x: Array, power: int, valid: Array | None = None) -> tuple[int, int]:
    """``(sum, sum of squares)`` of the finite voxels of a float array in steps of ``2 ** -power``."""
    if namespace(x) is not np:
        return _fixed_sums_of(_wide(x), np.float32(2.0**power), valid)
    total, high, low = _fixed_sums(flat(_wide(x), np.float32), np.float32(2.0**power), weights_of(x, valid))
    return total, (high << 32) + low


def whole_sums(x: Array, valid: Array | None = None) -> tuple[int, int, int, int, int]:
    """``(n, lowest, highest, sum, sum of squares)`` of an integer array of up to 16 bits, in one pass.

    Exact up to 2^31 voxels; lowest is above highest where there are none.
    """
    if x.dtype.kind not in "iub" or x.dtype.itemsize > 2:
        raise TypeError(f"no exact sums of {x.dtype}; integers of up to 16 bits have them")
    if namespace(x) is not np:
        return _sums_of_bins(x, valid)
    patterns = flat(x, np.uint8) if x.dtype == bool else flat(x, x.dtype)
    return _whole_sums(patterns, weights_of(x, valid))


def _wide(x: Array) -> Array:
    if x.dtype not in (np.float16, np.float32):
        raise TypeError(f"no fixed point for {x.dtype}; float16 and float32 have one")
    return x.astype(np.float32, copy=False)


# By whole-array operations: CuPy arrays


def _finite(x: Array, valid: Array | None) -> Array:
    """The finite voxels that count, as float32, in a row."""
    kept = namespace(x).isfinite(x)
    return x[kept if valid is None else kept & (valid != 0)]


def _extremes_of(x: Array) -> tuple[int, float, float]:
    return (x.size, float(x.min()) + 0.0, float(x.max()) + 0.0) if x.size else (0, float("inf"), float("-inf"))


def _fixed_sums_of(x: Array, scale: np.float32, valid: Array | None) -> tuple[int, int]:
    v = _finite(x, valid) * scale
    steps = namespace(x).rint(v[abs(v) <= np.float32(1 << BITS)]).astype(np.int64)
    squares = steps * steps
    return int(steps.sum()), (int((squares >> 32).sum()) << 32) + int((squares & 0xFFFFFFFF).sum())


def _sums_of_bins(x: Array, valid: Array | None) -> tuple[int, int, int, int, int]:
    counts = histogram.count(x, valid)[0][:, 0]
    (found,) = np.nonzero(counts)
    pairs = list(zip(histogram.values(x.dtype)[found].astype(int).tolist(), counts[found].tolist(), strict=True))
    low, high = (pairs[0][0], pairs[-1][0]) if pairs else (1 << 16, -(1 << 16))
    total, squares = (sum(n * value**power for value, n in pairs) for power in (1, 2))
    return sum(n for _, n in pairs), low, high, total, squares


# Numba widens what is computed with small integers: the casts below keep the loops at 32 bits, and with the
# selects they become vector instructions.


@njit(cache=True, nogil=True)
def _extremes(patterns, weights):  # type: ignore[no-untyped-def]
    """Lowest and highest as int32 that sort as the floats do: the pattern, negative ones with 31 bits flipped."""
    magnitude, infinite = 0x7FFFFFFF, 0x7F800000
    n = 0
    low, high = np.int32(magnitude), np.int32(-magnitude)
    for i in range(patterns.size):
        pattern = patterns[i]
        key = np.int32(pattern ^ ((pattern >> 31) & magnitude))
        good = (pattern & magnitude) < infinite
        if weights is not None:
            good &= weights[i] != 0
        low = min(low, key if good else np.int32(magnitude))
        high = max(high, key if good else np.int32(-magnitude))
        n += 1 if good else 0
    return n, low, high


@njit(cache=True, nogil=True)
def _fixed_sums(x, scale, weights):  # type: ignore[no-untyped-def]
    """Sum, and sum of squares as 2^32 high + low."""
    total = high = low = np.int64(0)
    largest = np.float32(1 << BITS)
    for first in range(0, x.size, _PART):
        part = x[first : first + _PART]
        valid = None if weights is None else weights[first : first + _PART]
        squares = np.int64(0)
        for i in range(part.size):
            v = part[i] * scale
            good = abs(v) <= largest
            if valid is not None:
                good &= valid[i] != 0
            step = np.int64(np.int32(np.rint(v) if good else np.float32(0)))
            total += step
            squares += step * step
        high += squares >> 32
        low += squares & 0xFFFFFFFF
    return total, high, low


@njit(cache=True, nogil=True)
def _whole_sums(x, weights):  # type: ignore[no-untyped-def]
    n = total = squares = np.int64(0)
    low, high = np.int32(1 << 16), np.int32(-(1 << 16))
    for first in range(0, x.size, _PART):
        part = x[first : first + _PART]
        valid = None if weights is None else weights[first : first + _PART]
        count = added = np.int32(0)
        for i in range(part.size):
            v = np.int32(part[i])
            good = True if valid is None else valid[i] != 0
            low = min(low, v if good else np.int32(1 << 16))
            high = max(high, v if good else np.int32(-(1 << 16)))
            count = np.int32(count + np.int32(1 if good else 0))
            added = np.int32(added + (v if good else np.int32(0)))
        for i in range(part.size):  # apart, because it needs 64 bits
            w = np.int64(part[i])
            good = True if valid is None else valid[i] != 0
            squares += w * w if good else np.int64(0)
        n += count
        total += added
    return n, low, high, total, squares
