"""Exact histograms: how often each value occurs, in the order of the values.

A bin is named by its *key*, an integer that sorts as the values do.  Types of up to 16 bits have one key
a value.  float32 takes the upper half of its 32-bit key first, with the sums that exact moments need, and
counts the lower half within chosen bins in a second pass over the voxels (a radix sort of two digits).

The key of a float is its bit pattern with the sign bit flipped, or with all bits flipped where it is
negative: IEEE 754 numbers of one sign sort as their patterns do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

SIGNED = (np.dtype("int8"), np.dtype("int16"))
UNSIGNED = (np.dtype("bool"), np.dtype("uint8"), np.dtype("uint16"))
FLOAT = (np.dtype("float16"), np.dtype("float32"))


def bins(dtype: np.dtype) -> int:
    """Number of bins: 256 for one byte, else 65536.  Raises TypeError for types that have none here."""
    if dtype not in (*SIGNED, *UNSIGNED, *FLOAT):
        raise TypeError(f"no exact histogram of {dtype}; types of up to 16 bits and float32 have one")
    return 256 if dtype.itemsize == 1 else 65536


def values(dtype: np.dtype) -> np.ndarray:
    """float64 [bins]: the value of each bin in rising order; of float32 the lowest value in the bin.

    Bins of what is not a finite number hold NaN or an infinity.

    >>> values(np.dtype("int8"))[:2]
    array([-128., -127.])
    """
    if dtype == np.float32:
        return _floats(np.arange(bins(dtype), dtype=np.uint32) << 16)
    return _patterns(dtype).view(dtype).astype(np.float64)


def steps(dtype: np.dtype) -> np.ndarray:
    """float64 [bins]: from one value to the next within a float32 bin; 0 where a bin is one value."""
    if dtype != np.float32:
        return np.zeros(bins(dtype))
    key = np.arange(bins(dtype), dtype=np.uint32) << 16
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        return _floats(key | 1) - _floats(key)


def detail_values(key: int) -> np.ndarray:
    """float64 [65536]: the values of float32 bin ``key``, in rising order."""
    return _floats(np.arange(65536, dtype=np.uint32) | np.uint32(key << 16))


def count(x: np.ndarray, valid: np.ndarray | None = None) -> tuple[np.ndarray, int, int]:
    """``(counts, nan, infinite)`` of an array of any shape: finite voxels by bin, and what is not finite.

    Parameters
    ----------
    x : int8, uint8, bool, int16, uint16, float16 or float32
    valid : uint8 of 0 and 1, or bool, of the shape of x: voxels that count; all of them where None

    Returns
    -------
    counts : int64 [bins, 1]; for float32 int64 [bins, 3], where the other columns are the sum of the
        lower half keys of the bin's voxels and the sum of their squares (exact up to 2^31 voxels)
    """
    weights = _weights(x, valid)
    if x.dtype == np.float32:
        return _count_float32(_flat(x, np.uint32), weights)
    size = bins(x.dtype)
    found = _count(_flat(x, np.uint8 if size == 256 else np.uint16), weights, size)
    counts = found[_patterns(x.dtype)]
    if x.dtype != np.float16:
        return counts[:, None], 0, 0
    value = values(x.dtype)
    nan, infinite = (int(counts[odd].sum()) for odd in (np.isnan(value), np.isinf(value)))
    counts[~np.isfinite(value)] = 0
    return counts[:, None], nan, infinite


def detail(x: np.ndarray, keys: tuple[int, ...], valid: np.ndarray | None = None) -> np.ndarray:
    """int64 [len(keys), 65536]: the voxels of a float32 array in each of the bins, by lower half key."""
    row = np.full(65536, -1, np.int64)
    row[list(keys)] = np.arange(len(keys))
    return _detail(_flat(x, np.uint32), _weights(x, valid), row, len(keys))


def _flat(x: np.ndarray, dtype: Any) -> np.ndarray:
    return np.ascontiguousarray(x).reshape(-1).view(dtype)


def _weights(x: np.ndarray, valid: np.ndarray | None) -> np.ndarray | None:
    if valid is None:
        return None
    if valid.dtype not in (np.uint8, np.bool_) or valid.shape != x.shape:
        raise TypeError("a validity mask is uint8 or bool and has the shape of the array")
    return _flat(valid, np.uint8)


def _patterns(dtype: np.dtype) -> np.ndarray:
    """Bit pattern of each key, as unsigned integers of the size of ``dtype``."""
    size = bins(dtype)
    key = np.arange(size).astype(f"u{dtype.itemsize}")
    if dtype in UNSIGNED:
        return key
    top = key[size // 2]
    return key ^ top if dtype in SIGNED else np.where(key & top, key ^ top, ~key)


def _floats(key: np.ndarray) -> np.ndarray:
    top = np.uint32(1 << 31)
    with np.errstate(invalid="ignore"):  # signalling NaN are among the patterns
        return np.where(key & top, key ^ top, ~key).view(np.float32).astype(np.float64)


@njit(cache=True, nogil=True)
def _count(patterns: np.ndarray, weights: np.ndarray | None, size: int) -> np.ndarray:
    # Neighbours are often equal, and an increment must wait for the one before it to be stored:
    # two tables in turn let them overlap.
    even, odd = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for n in range(0, patterns.size - 1, 2):
        even[patterns[n]] += 1 if weights is None else weights[n]
        odd[patterns[n + 1]] += 1 if weights is None else weights[n + 1]
    if patterns.size % 2:
        even[patterns[-1]] += 1 if weights is None else weights[-1]
    return even + odd


@njit(cache=True, nogil=True)
def _key(pattern: np.uint32) -> np.uint32:
    top = np.uint32(1 << 31)
    return ~pattern if pattern & top else pattern ^ top


@njit(cache=True, nogil=True)
def _count_float32(patterns: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, int, int]:
    exponent = np.uint32(0x7F800000)
    counts = np.zeros((65536, 3), np.int64)
    nan = infinite = 0
    for n in range(patterns.size):
        if weights is not None and weights[n] == 0:
            continue
        pattern = patterns[n]
        if pattern & exponent == exponent:
            if pattern & np.uint32(0x007FFFFF):
                nan += 1
            else:
                infinite += 1
            continue
        key = _key(pattern)
        bin_ = key >> np.uint32(16)
        low = np.int64(key & np.uint32(0xFFFF))
        counts[bin_, 0] += 1
        counts[bin_, 1] += low
        counts[bin_, 2] += low * low
    return counts, nan, infinite


@njit(cache=True, nogil=True)
def _detail(patterns: np.ndarray, weights: np.ndarray | None, row: np.ndarray, rows: int) -> np.ndarray:
    counts = np.zeros((rows, 65536), np.int64)
    for n in range(patterns.size):
        key = _key(patterns[n])
        at = row[key >> np.uint32(16)]
        if at >= 0 and (weights is None or weights[n] != 0):
            counts[at, key & np.uint32(0xFFFF)] += 1
    return counts
