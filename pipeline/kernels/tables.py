"""Which source voxels make a new voxel, and by how much: one table an axis.

A row is a pure function of its index and of the operator, never of the piece it is asked for; every
cut of a volume therefore computes with the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

HALF = 0.5 + 1e-6
"""How far outside the outermost voxel centre a position may lie, in voxels, before it is fill."""

GRAIN = 2.0**30
"""Positions are rounded to 1 / GRAIN voxel, so that float noise in a frame moves none of them off a
voxel, nor off the middle of two."""


@dataclass(frozen=True, eq=False)
class Table:
    """``out[t] = sum(weights[t, n] * source[index[t, n]] for n in range(taps))`` where ``inside[t]``, else fill.

    index : (rows, taps) int64, lattice indices of the source, clamped to its bounds
    weights : (rows, taps) float64, each row sums to 1
    inside : (rows,) bool, one contiguous run
    """

    index: np.ndarray
    weights: np.ndarray
    inside: np.ndarray

    @property
    def taps(self) -> int:
        """Source voxels that make a new one."""
        return self.index.shape[1]

    @property
    def run(self) -> slice:
        """The rows that are inside; empty where none is."""
        rows = np.flatnonzero(self.inside)
        return slice(int(rows[0]), int(rows[-1]) + 1) if rows.size else slice(0, 0)

    @property
    def span(self) -> tuple[int, int]:
        """Source indices ``[low, high)`` that the inside rows look at; the first row's first where none is inside."""
        looked = self.index[self.run] if self.inside.any() else self.index[:1, :1]
        return int(looked.min()), int(looked.max()) + 1

    def crop(self, rows: slice) -> Table:
        """Some of the rows."""
        return Table(self.index[rows], self.weights[rows], self.inside[rows])


@lru_cache(maxsize=256)
def spline(step: float, offset: float, order: int, rows: tuple[int, int], bounds: tuple[int, int]) -> Table:
    """B-spline interpolation of ``order`` 0 (nearest) or 1 (linear) at positions ``step * t + offset``.

    ::

        source     low              high - 1
                    |     |     |     |            positions up to half a voxel outside take
               [----x-----x-----x-----x----]       the border's value, beyond is fill
               low - 0.5           high - 0.5

    Parameters
    ----------
    step, offset : source lattice index of row t = step * t + offset
    rows : ``[start, stop)`` of t
    bounds : ``[low, high)``, the lattice indices of the whole source, not of the piece at hand

    Returns
    -------
    Table, read-only.  A position midway between two voxels is nearest to the upper one, as in ITK.

    Raises
    ------
    ValueError
        For another order, or bounds that hold no voxel.

    Examples
    --------
    >>> spline(0.5, -0.25, 1, (0, 4), (0, 2)).index.tolist()
    [[0, 1], [0, 1], [0, 1], [1, 1]]
    >>> spline(0.5, -0.25, 1, (0, 4), (0, 2)).weights.tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [1.0, 0.0]]
    """
    low, high = bounds
    if order not in (0, 1):
        raise ValueError("order must be 0 or 1")
    if high <= low:
        raise ValueError("the source holds no voxel")
    exact = np.arange(*rows, dtype="f8") * step + offset
    position = np.rint(exact * GRAIN) / GRAIN
    inside = (position >= low - HALF) & (position <= high - 1 + HALF)
    position = np.clip(position, low, high - 1)
    if order == 0:
        index, weights = np.floor(position + 0.5)[:, None], np.ones((position.size, 1))
    else:
        base = np.floor(position)
        part = position - base
        index, weights = np.stack([base, np.minimum(base + 1, high - 1)], 1), np.stack([1 - part, part], 1)
    table = Table(index.astype("i8"), weights, inside)
    for array in (table.index, table.weights, table.inside):
        array.setflags(write=False)
    return table
