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

from pipeline.kernels.cuda import histogram as cuda
from pipeline.xp import Array, namespace

SIGNED = (np.dtype("int8"), np.dtype("int16"))
UNSIGNED = (np.dtype("bool"), np.dtype("uint8"), np.dtype("uint16"))
FLOAT = (np.dtype("float16"), np.dtype("float32"))

_RUN = 1 << 31
"""Words counted before the 32 bits of a table could overflow."""


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


def count(x: Array, valid: Array | None = None, sums: bool = True) -> tuple[np.ndarray, int, int]:
    """``(counts, nan, infinite)`` of an array of any shape: finite voxels by bin, and what is not finite.

    Parameters
    ----------
    x : int8, uint8, bool, int16, uint16, float16 or float32
    valid : uint8 of 0 and 1, or bool, of the shape of x: voxels that count; all of them where None
    sums : whether the moments of a float32 array will be asked for; without them it takes a third of the time

    Returns
    -------
    counts : int64 [bins, 1]; for float32 with sums int64 [bins, 3], where the other columns are the sum of the
        lower half keys of the bin's voxels and the sum of their squares (exact up to 2^31 voxels)
    """
    weights = weights_of(x, valid)
    if x.dtype == np.float32 and (sums or not np.little_endian):
        return _with_sums(x, weights)
    counts = _by_pattern(x, weights)[_patterns(x.dtype)]
    if x.dtype not in FLOAT:
        return counts[:, None], 0, 0
    value = values(x.dtype)
    odd = ~np.isfinite(value)
    if x.dtype == np.float32 and counts[odd].any():  # one bin holds an infinity and NaN
        counts, nan, infinite = _with_sums(x, weights)
        return counts[:, :1], nan, infinite
    nan, infinite = (int(counts[strange].sum()) for strange in (np.isnan(value), np.isinf(value)))
    counts[odd] = 0
    return counts[:, None], nan, infinite


def detail(x: Array, keys: tuple[int, ...], valid: Array | None = None) -> np.ndarray:
    """int64 [len(keys), 65536]: the voxels of a float32 array in each of the bins, by lower half key.

    Raises ValueError for more than 255 keys.
    """
    if len(keys) > 255:
        raise ValueError("at most 255 bins can be looked into at once")
    pattern = _patterns(x.dtype)[list(keys)]
    row = np.zeros(65536, np.uint8)
    row[pattern] = np.arange(1, len(keys) + 1)
    kernel = _detail if namespace(x) is np else cuda.detail
    rows = kernel(flat(x, np.uint32), weights_of(x, valid), row, len(keys))
    negative = pattern >= 1 << 15
    rows[negative] = rows[negative, ::-1]
    return rows


def flat(x: Array, dtype: Any) -> Array:
    """The voxels in a row, their bytes read as another type of the same size."""
    return namespace(x).ascontiguousarray(x).reshape(-1).view(dtype)


def weights_of(x: Array, valid: Array | None) -> Array | None:
    """uint8 in a row, 1 where a voxel of ``x`` counts; None where all do.  Raises TypeError for what is no mask."""
    if valid is None:
        return None
    if valid.dtype not in (np.uint8, np.bool_) or valid.shape != x.shape:
        raise TypeError("a validity mask is uint8 or bool and has the shape of the array")
    return flat(valid, np.uint8)


def _with_sums(x: Array, weights: Array | None) -> tuple[np.ndarray, int, int]:
    return (_count_float32 if namespace(x) is np else cuda.count_float32)(flat(x, np.uint32), weights)


def _by_pattern(x: Array, weights: Array | None) -> np.ndarray:
    """int64 [bins]: voxels by bit pattern; of float32 by the upper half of it.

    Compiled code reads words of four patterns, of float32 of two.
    """
    size, lanes, word = bins(x.dtype), *_WORDS[x.dtype.itemsize]
    patterns = flat(x, f"u{x.dtype.itemsize}")
    if namespace(x) is not np:
        return cuda.count(patterns, weights)
    whole = patterns.size // lanes * lanes
    words = patterns[:whole].view(word)
    kernel = _count_upper if x.dtype == np.float32 else _count
    found = kernel(words if words.flags.aligned else words.copy(), weights, size)
    tail = patterns[whole:] >> 16 if x.dtype == np.float32 else patterns[whole:]
    np.add.at(found, tail, 1 if weights is None else weights[whole:])
    return found


_WORDS = {1: (4, np.uint32), 2: (4, np.uint64), 4: (2, np.uint64)}
"""By the bytes of a voxel: how many make a word, and its type."""


def _patterns(dtype: np.dtype) -> np.ndarray:
    """Bit pattern of each key, as unsigned integers; of float32 the upper half."""
    size = bins(dtype)
    key = np.arange(size).astype("u1" if size == 256 else "u2")
    if dtype in UNSIGNED:
        return key
    top = key[size // 2]
    return key ^ top if dtype in SIGNED else np.where(key & top, key ^ top, ~key)


def _floats(key: np.ndarray) -> np.ndarray:
    top = np.uint32(1 << 31)
    with np.errstate(invalid="ignore"):  # signalling NaN are among the patterns
        return np.where(key & top, key ^ top, ~key).view(np.float32).astype(np.float64)


@njit(cache=True, nogil=True)
def _count(words: np.ndarray, weights: np.ndarray | None, size: int) -> np.ndarray:
    # Neighbours are often equal, and an increment must wait for the one before it to be stored: tables in turn
    # let them overlap.  Narrow tables stay in the first cache.
    bits = words.dtype.type(words.itemsize * 2)
    mask = words.dtype.type(size - 1)
    found = np.zeros(size, np.int64)
    for first in range(0, words.size, _RUN):
        part = words[first : first + _RUN]
        tables = np.zeros((4, size), np.uint32)
        a, b, c, d = tables[0], tables[1], tables[2], tables[3]
        for n in range(part.size):
            word, at = part[n], 4 * (first + n)
            a[word & mask] += np.uint32(1) if weights is None else np.uint32(weights[at])
            b[word >> bits & mask] += np.uint32(1) if weights is None else np.uint32(weights[at + 1])
            c[word >> (bits + bits) & mask] += np.uint32(1) if weights is None else np.uint32(weights[at + 2])
            d[word >> (bits + bits + bits)] += np.uint32(1) if weights is None else np.uint32(weights[at + 3])
        for table in tables:
            found += table
    return found


@njit(cache=True, nogil=True)
def _count_upper(words: np.ndarray, weights: np.ndarray | None, size: int) -> np.ndarray:
    half, mask = np.uint64(16), np.uint64(0xFFFF)
    found = np.zeros(size, np.int64)
    for first in range(0, words.size, _RUN):
        part = words[first : first + _RUN]
        tables = np.zeros((2, size), np.uint32)
        a, b = tables[0], tables[1]
        for n in range(part.size):
            word, at = part[n], 2 * (first + n)
            a[word >> half & mask] += np.uint32(1) if weights is None else np.uint32(weights[at])
            b[word >> (half + half + half)] += np.uint32(1) if weights is None else np.uint32(weights[at + 1])
        for table in tables:
            found += table
    return found


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
        at = row[patterns[n] >> np.uint32(16)]
        if at and (weights is None or weights[n] != 0):
            counts[at - 1, patterns[n] & np.uint32(0xFFFF)] += 1
    return counts
