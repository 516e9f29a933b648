"""Closed contours on a plane of voxels: which voxel centres lie inside.

Even-odd rule (Shimrat, Algorithm 112, CACM 1962): a ray from a voxel centre towards lower columns crosses the contours
an odd number of times.  Every edge is reduced to the places where it crosses rows of voxel centres; from each on, the
voxels of the row change sides::

    row j   . . . x# # # # #x. . .       x crossing, # inside
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

_CROSSINGS = 1 << 20
"""Crossings that are computed at one time, which bounds the memory; one edge may have more."""


class Patch(NamedTuple):
    """A part of a plane: uint8 ``mask`` [j, i] of 0 and 1, whose first voxel is ``start`` (j, i) of the plane."""

    start: tuple[int, int]
    mask: np.ndarray


def fill(contours: Sequence[np.ndarray], shape: tuple[int, int]) -> Patch:
    """The voxels of a plane of ``shape`` (j, i) that lie inside an odd number of the contours.

    Holes, islands in holes and keyholes (a hole that is joined to the rim by a way there and back) come out as they
    are meant.  A centre right on a contour is inside where the region goes on towards higher j or i, outside where it
    ends there: regions that share an edge share no voxel and leave none out, in whatever sense and from whatever vertex
    each is walked.  All is float64, elementwise: the same bits everywhere.

    Parameters
    ----------
    contours : (n, 2) vertices (j, i) each, in voxels; the last is joined to the first

    Returns
    -------
    the box of voxels, inside the plane, that the contours reach over; it may be empty
    """
    low, high = _edges(contours)
    first, last = _below(low[:, 0], shape[0]), _below(high[:, 0], shape[0])
    rising = first < last
    low, high, first, last = low[rising], high[rising], first[rising], last[rising]
    if not len(low):
        return Patch((0, 0), np.zeros((0, 0), np.uint8))
    top, bottom = int(first.min()), int(last.max())
    rise, run = high[:, 0] - low[:, 0], high[:, 1] - low[:, 1]
    columns = np.concatenate([low[:, 1], high[:, 1]])
    left, right = int(_below(columns.min(), shape[1])), int(_below(columns.max(), shape[1]))
    changes = np.zeros((bottom - top, right - left + 1), np.uint8)
    for part in _parts(last - first):
        row = _rows(first[part], last[part])
        counts = last[part] - first[part]
        j, i, dj, di = (np.repeat(x[part], counts) for x in (low[:, 0], low[:, 1], rise, run))
        column = np.ceil(i + (row - j) * di / dj).clip(left, right).astype(np.int64)
        np.bitwise_xor.at(changes.reshape(-1), (row - top) * changes.shape[1] + column - left, np.uint8(1))
    return Patch((top, left), np.bitwise_xor.accumulate(changes, axis=1)[:, :-1])


def _edges(contours: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Their ends, that of the lower row first: an edge of two regions crosses a row in one place for both."""
    begin = np.concatenate([np.empty((0, 2)), *contours])
    end = np.concatenate([np.empty((0, 2)), *(np.roll(contour, -1, axis=0) for contour in contours)])
    falls = (begin[:, 0] > end[:, 0])[:, None]
    return np.where(falls, end, begin), np.where(falls, begin, end)


def _below(places: np.ndarray, n: int) -> np.ndarray:
    """How many of the voxel centres 0 .. n - 1 lie below each place: the first that does not."""
    return np.ceil(places).clip(0, n).astype(np.int64)


def _parts(counts: np.ndarray) -> list[slice]:
    """Runs of edges of some ``_CROSSINGS`` together."""
    part = (np.cumsum(counts) - counts) // _CROSSINGS
    bounds = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(counts)]
    return [slice(a, b) for a, b in pairwise(bounds)]


def _rows(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """``first .. last - 1`` of every edge, one after another."""
    counts = last - first
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(first - before, counts)
