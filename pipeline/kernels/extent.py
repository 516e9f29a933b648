"""Where each label lies: its voxels, index sums and bounding box, in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit


def extents(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(found, table)`` of an unsigned integer array [k, j, i]; label 0 is background.

    Returns
    -------
    found : the labels that occur, rising
    table : int64 [label, 10]: voxels; sum of k, j, i; lowest k, j, i; highest k, j, i, plus one

    Raises TypeError for an array that is not uint8 or uint16.
    """
    if labels.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"labels are uint8 or uint16, not {labels.dtype}")
    most = int(labels.max(initial=0))
    table = np.zeros((most + 1, 10), np.int64)
    table[:, 4:7] = np.iinfo(np.int64).max
    if labels.size:  # compiled code looks at the first voxel of every line
        _gather(np.ascontiguousarray(labels), table)
    found = 1 + np.flatnonzero(table[1:, 0])
    return found, table[found]


@njit(cache=True, nogil=True)
def _gather(labels: np.ndarray, table: np.ndarray) -> None:
    nk, nj, ni = labels.shape
    for k in range(nk):
        for j in range(nj):
            row = labels[k, j]
            changes = 0  # counted first: most rows have none, and counting takes a fraction of the time
            for i in range(1, ni):
                changes += row[i] != row[i - 1]
            begin = 0
            for i in range(1 if changes else ni, ni + 1):
                if i < ni and row[i] == row[begin]:
                    continue
                if row[begin]:
                    _add(table[row[begin]], k, j, begin, i)
                begin = i


@njit(cache=True, nogil=True)
def _add(entry: np.ndarray, k: int, j: int, begin: int, end: int) -> None:
    """Add the run begin .. end - 1 of row (k, j)."""
    n = end - begin
    entry[0] += n
    entry[1] += n * k
    entry[2] += n * j
    entry[3] += (begin + end - 1) * n // 2
    entry[4], entry[7] = min(entry[4], k), max(entry[7], k + 1)
    entry[5], entry[8] = min(entry[5], j), max(entry[8], j + 1)
    entry[6], entry[9] = min(entry[6], begin), max(entry[9], end)
