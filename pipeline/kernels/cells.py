"""Sums over cells: a volume in larger voxels, exactly, and from any cut of it.

::

    voxels   . . . . . . . . . . .
    cells      [---0---][---1---]        factor 4, first 1: what fills no cell is left out

Whole numbers only: integers as they are, floats in steps of 2^-20.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels.intensity import COMPILED
from pipeline.kernels.lines import readable
from pipeline.xp import Array, namespace

FRACTION = 2.0**20
"""Steps a unit, in which floats are summed."""

LARGEST = 2.0**32
"""A float that is not smaller than this, or is no number, is not counted; 2^11 voxels of it fit into 64 bits."""


def scale(dtype: np.dtype) -> float:
    """What one stands for in the sums of this dtype."""
    return FRACTION if np.dtype(dtype).kind == "f" else 1.0


def sums(
    x: Array, mask: Array | None, start: Sequence[int], factor: Sequence[int], shape: Sequence[int]
) -> tuple[Array, Array]:
    """``(sums, counts)``, int64 of ``shape``: over the voxels of each cell, and how many these are.

    Parameters
    ----------
    x : ``[k, j, i]``, a block of a volume; int16, uint16, uint8, float32 or float16
    mask : of the shape of x: voxels that are not 0 count; None: all do
    start : index of ``x[0, 0, 0]``, counted from the first voxel of the first cell; may be negative
    factor : voxels along each axis of a cell, at most 2^11 in all where x is float
    shape : cells along each axis

    Raises
    ------
    TypeError
        For another dtype.
    """
    if x.dtype == np.float16:
        x = x.astype(np.float32)
    if x.dtype not in COMPILED:
        raise TypeError(f"cells are summed of {', '.join(d.name for d in COMPILED)} or float16")
    xp = namespace(x)
    if xp is not np:
        return plain(x, mask, start, factor, shape)
    made = np.zeros((2, *shape), np.int64)
    if x.size:
        k, j, i = (_line(a, n, f, m) for a, n, f, m in zip(start, x.shape, factor, shape, strict=True))
        flat, plane, row = (None, 0, 0) if mask is None else readable((mask != 0).view(np.uint8))
        _sums(*readable(x), flat, plane, row, scale(x.dtype), k, j, i, made[0], made[1])
    return made[0], made[1]


def plain(
    x: Array, mask: Array | None, start: Sequence[int], factor: Sequence[int], shape: Sequence[int]
) -> tuple[Array, Array]:
    """The same by whole-array operations, on NumPy or CuPy: the definition that compiled code is held to."""
    xp = namespace(x)
    inside = xp.abs(x.astype(np.float64)) < LARGEST
    if mask is not None:
        inside &= mask != 0
    whole = xp.rint(xp.where(inside, x, 0).astype(np.float64) * scale(x.dtype)).astype(np.int64)
    first = [a // f for a, f in zip(start, factor, strict=True)]
    last = [-(-(a + n) // f) for a, n, f in zip(start, x.shape, factor, strict=True)]
    low = [max(a, 0) for a in first]
    high = [max(min(b, n), a) for a, b, n in zip(low, last, shape, strict=True)]
    here = tuple(slice(a - o, b - o) for a, b, o in zip(low, high, first, strict=True))
    there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    lengths = [n for a, b, f in zip(first, last, factor, strict=True) for n in (b - a, f)]
    voxels = tuple(slice(a - o * f, a - o * f + n) for a, o, f, n in zip(start, first, factor, x.shape, strict=True))
    made = xp.zeros((2, *shape), np.int64)
    for total, values in zip(made, (whole, inside), strict=True):
        padded = xp.zeros([n * f for n, f in zip(lengths[::2], factor, strict=True)], np.int64)
        padded[voxels] = values
        total[there] = padded.reshape(lengths).sum(axis=(1, 3, 5))[here]
    return made[0], made[1]


def _line(start: int, length: int, factor: int, cells: int) -> np.ndarray:
    """int64 [length]: the cell of each voxel of a line; -1 for none."""
    at = np.arange(start, start + length) // factor
    return np.where((at >= 0) & (at < cells), at, -1)


@njit(cache=True, nogil=True)
def _sums(x, plane, row, mask, mask_plane, mask_row, scale, k_cell, j_cell, i_cell, total, count):  # type: ignore[no-untyped-def]
    for k in range(k_cell.size):
        for j in range(j_cell.size):
            if k_cell[k] < 0 or j_cell[j] < 0:
                continue
            line = x[k * plane + j * row :]
            sums, counts = total[k_cell[k], j_cell[j]], count[k_cell[k], j_cell[j]]
            for i in range(i_cell.size):
                known = i_cell[i] >= 0 and abs(np.float64(line[i])) < LARGEST
                if mask is not None:
                    known = known and mask[k * mask_plane + j * mask_row + i] != 0
                if known:
                    sums[i_cell[i]] += np.int64(np.rint(np.float64(line[i]) * scale))
                    counts[i_cell[i]] += 1
