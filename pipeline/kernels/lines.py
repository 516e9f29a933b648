"""A 3-D array, or a box cut out of one, as compiled kernels see it: lines of voxels in flat memory.

One compiled form then serves every layout whose lines are contiguous: no copy for a crop, and a closed
set of signatures.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided


class Lines(NamedTuple):
    """Line ``(k, j)`` begins at ``flat[k * plane + j * row]``.

    flat : 1-D contiguous view, from the first voxel to the last
    plane, row : voxels from one slice, one line, to the next
    """

    flat: np.ndarray
    plane: int
    row: int


def readable(x: np.ndarray) -> Lines:
    """The lines of ``x`` ``[k, j, i]``, not empty: a read-only view, or a copy where lines are not contiguous."""
    return _lines(x if _regular(x) else x.copy(order="C"), writeable=False)


def writeable(x: np.ndarray) -> Lines:
    """The lines of ``x`` ``[k, j, i]``, not empty, to be written.

    Raises ValueError where its lines are not contiguous, or it may not be written.
    """
    if not (_regular(x) and x.flags.writeable):
        raise ValueError("out must be writeable, with contiguous lines")
    return _lines(x, writeable=True)


def _lines(x: np.ndarray, writeable: bool) -> Lines:
    plane, row, _ = (s // x.itemsize for s in x.strides)
    size = 1 + sum((n - 1) * s for n, s in zip(x.shape, (plane, row, 1), strict=True))
    return Lines(as_strided(x, (size,), (x.itemsize,), writeable=writeable), plane, row)


def _regular(x: np.ndarray) -> bool:
    """Whether lines are contiguous and forward; a stride over a single voxel says nothing and is not looked at."""
    k, j, i = x.strides
    lines = x.shape[2] == 1 or i == x.itemsize
    return bool(x.flags.aligned and lines and min(k, j) >= 0 and k % x.itemsize == 0 and j % x.itemsize == 0)
