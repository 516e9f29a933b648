"""Where each label lies: its voxels, index sums and bounding box, in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.xp import Array, namespace, to_host


def extents(labels: Array) -> tuple[np.ndarray, np.ndarray]:
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
    if namespace(labels) is not np:
        _gather_by_counts(labels, table)
    elif labels.size:  # compiled code looks at the first voxel of every line
        _gather(np.ascontiguousarray(labels), table)
    found = 1 + np.flatnonzero(table[1:, 0])
    return found, table[found]


def _gather_by_counts(labels: Array, table: np.ndarray) -> None:
    """From how many voxels of each label lie on each plane across k, j and i."""
    xp = namespace(labels)
    for axis, n in enumerate(labels.shape):
        plane = xp.arange(n).reshape([-1 if a == axis else 1 for a in range(3)])
        keys = (labels.astype(np.int64) * n + plane).reshape(-1)
        counts = to_host(xp.bincount(keys, minlength=len(table) * n)).reshape(len(table), n)
        counts[0] = 0  # background
        table[:, 0], table[:, 1 + axis] = counts.sum(1), counts @ np.arange(n)
        for label in np.flatnonzero(table[:, 0]):
            (found,) = np.nonzero(counts[label])
            table[label, 4 + axis], table[label, 7 + axis] = found[0], found[-1] + 1


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
