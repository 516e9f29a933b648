"""Exact Euclidean distance to a mask, in millimetres.

Axis by axis, each line by the lower envelope of parabolas: A. Meijster, J. B. T. M. Roerdink, W. H. Hesselink, A
general algorithm for computing distance transforms in linear time, Mathematical Morphology and its Applications to
Image and Signal Processing, 2000.  Squares of distances are whole numbers of a small part of 1 mm2, so that every
comparison is exact and the smallest of them is the same on any cut that holds the nearest voxel of the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import frexp
from typing import NamedTuple

import numpy as np
from numba import njit

from pipeline.xp import Array, namespace

NONE = np.uint32(0xFFFFFFFF)
"""Where a slice holds no voxel of the mask; else offsets along j and i, 16 bits each."""

FAR = np.int64(2**62)
"""Above every square of a distance."""

TILE = 64
"""Columns that are gathered together: a few cache lines of each row, and all rows of them in the second-level cache."""


class Squares(NamedTuple):
    """The square of one voxel's step along k, j, i as whole numbers: ``mm2 = number * unit``."""

    k: int
    j: int
    i: int
    unit: float


def squares(spacing: Sequence[float], lengths: Sequence[int]) -> Squares:
    """As fine as 61 bits allow for the diagonal of a volume of ``lengths`` voxels of ``spacing`` mm.

    Up to 2048 voxels of 0.3 to 5 mm an axis they are good to 2^-27, finer than a float32 of the distance.
    Every piece of a volume must be given the lengths of the whole.

    >>> squares((2.0, 1.0, 1.0), (1, 1, 1)).k == 4 * squares((2.0, 1.0, 1.0), (1, 1, 1)).i
    True
    """
    _, exponent = frexp(sum((n * s) ** 2 for n, s in zip(lengths, spacing, strict=True)))
    k, j, i = (round(s * s * 2.0 ** (61 - exponent)) for s in spacing)
    return Squares(k, j, i, 2.0 ** (exponent - 61))


def distance(mask: Array, spacing: Sequence[float], lengths: Sequence[int] | None = None) -> Array:
    """float32 [k, j, i]: from the centre of each voxel to that of the nearest voxel of the mask.

    0 in the mask; infinite where the mask is empty.  What lies beyond the array is not seen.

    Parameters
    ----------
    mask : uint8 or bool [k, j, i]
    spacing : mm along k, j, i
    lengths : voxels along k, j, i of the whole volume that this is a piece of; None: this is the whole

    Raises
    ------
    ValueError
        For an axis of 65536 voxels or more.
    """
    xp = namespace(mask)
    if max(mask.shape) > 0xFFFF:
        raise ValueError("a distance spans fewer than 65536 voxels along an axis")
    if not mask.any():
        return xp.full(mask.shape, np.inf, np.float32)
    if xp is not np:
        return _by_cucim(mask, spacing)
    out = np.empty(mask.shape, np.float32)
    near = out.view(np.uint32)  # the offsets within a slice wait where the distances will stand
    seen = np.ascontiguousarray(mask).view(np.uint8)
    seen.flags.writeable = False  # one signature for every mask
    k, j, i, unit = squares(spacing, mask.shape if lengths is None else lengths)
    _within_slices(seen, near, j, i)
    _across_slices(near, out, k, j, i, unit)
    return out


def _by_cucim(mask: Array, spacing: Sequence[float]) -> Array:
    """The same, to float32's rounding."""
    from cucim.core.operations.morphology import distance_transform_edt

    made = distance_transform_edt(mask == 0, sampling=tuple(spacing), float64_distances=True)
    return made.astype(np.float32)


@njit(cache=True, nogil=True)
def _within_slices(mask: np.ndarray, near: np.ndarray, wj: int, wi: int) -> None:
    """Offsets (dj, di) to the nearest voxel of the mask in the same slice, as ``dj << 16 | di``."""
    nk, nj, ni = mask.shape
    steps = np.empty((nj, ni), np.int32)
    f = np.empty((TILE, nj), np.int64)
    best, sites, starts = np.empty(nj, np.int64), np.empty(nj, np.int64), np.empty(nj, np.int64)
    inverse = _inverses(nj, wj)
    for k in range(nk):
        if not _along_rows(mask[k], steps):
            near[k] = NONE
            continue
        for i0 in range(0, ni, TILE):
            wide = min(TILE, ni - i0)
            for j in range(nj):
                for t in range(wide):
                    step = np.int64(steps[j, i0 + t])
                    f[t, j] = step * step * wi if step >= 0 else FAR
            for t in range(wide):
                _envelope(f[t], wj, inverse, sites, starts, best)
                for j in range(nj):
                    s = best[j]
                    near[k, j, i0 + t] = np.uint32((abs(j - s) << 16) | steps[s, i0 + t])


@njit(cache=True, nogil=True)
def _across_slices(near: np.ndarray, out: np.ndarray, wk: int, wj: int, wi: int, unit: float) -> None:
    """From the offsets within slices to distances; ``out`` may be the memory of ``near``."""
    nk, nj, ni = near.shape
    f = np.empty((TILE, nk), np.int64)
    best, sites, starts = np.empty(nk, np.int64), np.empty(nk, np.int64), np.empty(nk, np.int64)
    made = np.empty((nk, TILE), np.float32)
    inverse = _inverses(nk, wk)
    for j in range(nj):
        for i0 in range(0, ni, TILE):
            wide = min(TILE, ni - i0)
            for k in range(nk):
                for t in range(wide):
                    packed = near[k, j, i0 + t]
                    dj, di = np.int64(packed >> 16), np.int64(packed & 0xFFFF)
                    f[t, k] = dj * dj * wj + di * di * wi if packed != NONE else FAR
            for t in range(wide):
                _envelope(f[t], wk, inverse, sites, starts, best)
                for k in range(nk):
                    dk = k - best[k]
                    made[k, t] = np.sqrt((f[t, best[k]] + dk * dk * wk) * unit)
            for k in range(nk):
                for t in range(wide):
                    out[k, j, i0 + t] = made[k, t]


@njit(cache=True, nogil=True)
def _along_rows(mask: np.ndarray, steps: np.ndarray) -> bool:
    """Voxels to the nearest voxel of the mask [j, i] in the same row, -1 where there is none; whether there is any."""
    nj, ni = mask.shape
    found = False
    for j in range(nj):
        last = -1
        for i in range(ni):
            if mask[j, i]:
                last = i
            steps[j, i] = i - last if last >= 0 else -1
        found |= last >= 0
        if last < 0:
            continue
        for i in range(ni - 1, -1, -1):
            if mask[j, i]:
                last = i
            if last >= i and (steps[j, i] < 0 or last - i < steps[j, i]):
                steps[j, i] = last - i
    return found


@njit(cache=True, nogil=True)
def _inverses(length: int, weight: int) -> np.ndarray:
    """``1 / (2 weight d)`` for d = 1, 2, ..."""
    inverse = np.zeros(length, np.float64)
    for d in range(1, length):
        inverse[d] = 1.0 / (2.0 * weight * d)
    return inverse


@njit(cache=True, nogil=True)
def _envelope(f, weight, inverse, sites, starts, best):  # type: ignore[no-untyped-def]
    """``best[t]`` = the s that makes ``f[s] + weight (t - s)^2`` smallest; one f at least is below FAR.

    sites, starts : scratch of the length of f: the parabolas of the envelope, and from which t on each is lowest
    """
    n, top = f.size, -1
    for u in range(n):
        if f[u] == FAR or (f[u] == 0 and 0 < u < n - 1 and f[u - 1] == 0 and f[u + 1] == 0):
            continue  # between two voxels of the mask one is the nearest of itself only
        while top >= 0:
            s, t = sites[top], starts[top]
            if f[s] + (t - s) * (t - s) * weight <= f[u] + (t - u) * (t - u) * weight:
                break
            top -= 1
        begin = 0
        if top >= 0:
            s = sites[top]
            begin = 1 + _quotient((u * u - s * s) * weight + f[u] - f[s], 2 * weight * (u - s), inverse[u - s])
        if begin < n:
            top += 1
            sites[top], starts[top] = u, begin
    for t in range(n - 1, -1, -1):
        best[t] = sites[top] if f[t] else t
        if t == starts[top]:
            top -= 1


@njit(cache=True, nogil=True)
def _quotient(number, divisor, inverse):  # type: ignore[no-untyped-def]
    """``number // divisor``, exactly: the product with the inverse is off by one at most, and costs no division."""
    q = np.int64(number * inverse)
    rest = number - q * divisor
    return q - 1 if rest < 0 else q + 1 if rest >= divisor else q
