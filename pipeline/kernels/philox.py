"""Random numbers that are a pure function of a key and a place: Philox4x32-10.

A generator by counter (J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2,
3, SC 2011): ten rounds of multiplication turn the number of a voxel into noise.  There is no state, so any cut of a
volume, in any order, gives the numbers of the whole, and two images of one grid have the same noise.

Voxel (k, j, i) of the lattice takes word ``i mod 4`` of the block with counter ``(floor(i / 4), j, k, stream)``::

    i       -2 -1 | 0  1  2  3 | 4  5          four voxels of a row share the ten rounds; negative
    block     -1  |     0      |   1           indices count as 32-bit two's complement
    word     2  3 | 0  1  2  3 | 0  1
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable

from pipeline.kernels.cuda import philox as cuda
from pipeline.kernels.elementary import cast, choose, log
from pipeline.xp import Array

F, U = np.float32, np.uint64
LOW, HALF = U(0xFFFFFFFF), U(32)
MULTIPLY = U(0xD2511F53), U(0xCD9E8D57)
WEYL = U(0x9E3779B9), U(0xBB67AE85)
"""What is added to the two key words after each round: the golden ratio, and sqrt(3) - 1."""


def words(key: int, start: Sequence[int], shape: Sequence[int], stream: int = 0, xp: ModuleType = np) -> Array:
    """uint32 ``[k, j, i]``, uniform.

    Parameters
    ----------
    key : 64 bits
    start, shape : lattice index of the first voxel, and voxels along k, j, i
    stream : 32 bits; other streams of a key are independent
    xp : ``numpy`` or ``cupy``; equal bits
    """
    out = xp.empty(tuple(shape), np.uint32)
    if xp is not np:
        cuda.fill(out, key, start, stream)
    elif out.size:
        _fill_words(out, *_origin(start), halves(key), U(stream))
    return out


def uniform(key: int, start: Sequence[int], shape: Sequence[int], stream: int = 0, xp: ModuleType = np) -> Array:
    """float32 ``[k, j, i]``: an odd multiple of 2^-24, below 1 and above 0."""
    high = words(key, start, shape, stream, xp) >> np.uint32(9)
    return (high.astype(np.float32) + F(0.5)) * F(2.0**-23)


def normal(
    key: int,
    start: Sequence[int],
    shape: Sequence[int],
    stream: int = 0,
    xp: ModuleType = np,
    out: Array | None = None,
) -> Array:
    """float32 ``[k, j, i]``, of mean 0 and standard deviation 1: ``quantile`` of the words.

    ``out`` is a contiguous array to write to.
    """
    out = xp.empty(tuple(shape), np.float32) if out is None else out
    if xp is not np:
        cuda.fill(out, key, start, stream)
    elif out.size:
        _fill_normal(out, *_origin(start), halves(key), U(stream))
    return out


def plain(key: int, start: Sequence[int], shape: Sequence[int], stream: int = 0, xp: ModuleType = np) -> Array:
    """``words`` by whole-array operations: the definition that compiled code is held to."""
    k, j, i = (xp.arange(a, a + n) for a, n in zip(start, shape, strict=True))
    counter = xp.broadcast_arrays(i >> 2, j[:, None], k[:, None, None], xp.asarray(stream))
    a, b, c, d = (axis.astype(np.uint64) & LOW for axis in counter)
    first, second, third, fourth = rounds(a, b, c, d, *halves(key))
    word = i & 3
    drawn = choose(word < 2, choose(word == 0, first, second), choose(word == 2, third, fourth))
    return drawn.astype(np.uint32)


def halves(key: int) -> tuple[np.uint64, np.uint64]:
    """The lower and the upper 32 bits of a key."""
    return U(key & 0xFFFFFFFF), U(key >> 32)


def _origin(start: Sequence[int]) -> tuple[int, int, int]:
    k, j, i = start
    return k, j, i


@register_jitable
def rounds(a: Any, b: Any, c: Any, d: Any, low: Any, high: Any) -> Any:
    """The four words of the block with counter (a, b, c, d), under the key (low, high); all as uint64 below 2^32."""
    for _ in range(10):
        first, second = MULTIPLY[0] * a, MULTIPLY[1] * c
        a, b, c, d = (second >> HALF) ^ b ^ low, second & LOW, (first >> HALF) ^ d ^ high, first & LOW
        low, high = (low + WEYL[0]) & LOW, (high + WEYL[1]) & LOW
    return a, b, c, d


@register_jitable(error_model="numpy")
def quantile(word: Any) -> Any:
    """A 32-bit word, taken as int32, to a standard normal number (float32): symmetric, largest 6.34.

    The inverse of the normal distribution at ``(word + 1/2) / 2^32 + 1/2``, by M. J. Wichura, Algorithm AS 241: the
    percentage points of the normal distribution, Appl. Statist. 37(3), 1988, PPND7.  Error below 2e-6.
    """
    magnitude = cast(word ^ (word >> np.int32(31)), np.int32)
    rest = cast(np.int32(0x7FFFFFFF) - magnitude, np.int32)
    centre = (cast(magnitude, np.float32) + F(0.5)) * F(2.0**-32)
    tail = (cast(rest, np.float32) + F(0.5)) * F(2.0**-32)
    near = centre < F(0.425)

    r = F(0.180625) - centre * centre
    n0 = ((r * F(5.9109374720e1) + F(1.5929113202e2)) * r + F(5.0434271938e1)) * r + F(3.3871327179)
    d0 = ((r * F(6.7187563600e1) + F(7.8757757664e1)) * r + F(1.7895169469e1)) * r + F(1)

    s = np.sqrt(-log(tail)) - F(1.6)
    n1 = ((s * F(1.7023821103e-1) + F(1.3067284816)) * s + F(2.7568153900)) * s + F(1.4234372777)
    d1 = (s * F(1.2021132975e-1) + F(7.3700164250e-1)) * s + F(1)

    z = choose(near, centre * n0, n1) / choose(near, d0, d1)
    return choose(word < np.int32(0), -z, z)


@njit(cache=True, nogil=True)
def _fill_words(out, k0, j0, i0, key, stream):  # type: ignore[no-untyped-def]
    nk, nj, ni = out.shape
    first, skip = i0 >> 2, i0 & 3
    blocks = np.empty(4 * ((skip + ni + 3) >> 2), np.uint32)
    for k in range(nk):
        for j in range(nj):
            _row(blocks, first, j0 + j, k0 + k, key[0], key[1], stream)
            line = out[k, j]
            for i in range(ni):
                line[i] = blocks[skip + i]


@njit(cache=True, nogil=True)
def _fill_normal(out, k0, j0, i0, key, stream):  # type: ignore[no-untyped-def]
    nk, nj, ni = out.shape
    first, skip = i0 >> 2, i0 & 3
    blocks = np.empty(4 * ((skip + ni + 3) >> 2), np.uint32)
    for k in range(nk):
        for j in range(nj):
            _row(blocks, first, j0 + j, k0 + k, key[0], key[1], stream)
            _quantiles(blocks.view(np.int32)[skip:], out[k, j])


@njit(cache=True, nogil=True)
def _row(out, first, j, k, low, high, stream):  # type: ignore[no-untyped-def]
    """The words of the voxels 4 ``first``, 4 ``first`` + 1, ... of row (k, j)."""
    y, z = U(j) & LOW, U(k) & LOW
    for n in range(out.size // 4):
        a, b, c, d = rounds(U(first + n) & LOW, y, z, stream, low, high)
        out[4 * n], out[4 * n + 1], out[4 * n + 2], out[4 * n + 3] = a, b, c, d


@njit(cache=True, nogil=True, error_model="numpy")
def _quantiles(drawn, out):  # type: ignore[no-untyped-def]
    # A function of its own: within the loop over rows LLVM does not see that it can take eight at a time.
    for n in range(out.size):
        out[n] = quantile(drawn[n])
