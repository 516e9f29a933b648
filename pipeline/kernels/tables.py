"""Which source voxels make a new voxel, and by how much: one table an axis.

A row is a pure function of its index and of the operator, never of the piece it is asked for; every
cut of a volume therefore computes with the same numbers, made by plain float64 arithmetic, element by element.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, log, sqrt

import numpy as np

from pipeline.kernels.folding import Border, folded, gathered

HALF = 0.5 + 1e-6
"""How far outside the outermost voxel centre a position may lie, in voxels, before it is fill."""

GRAIN = 2.0**30
"""Positions are rounded to 1 / GRAIN voxel, so that float noise in a frame moves none of them off a
voxel, nor off the middle of two."""

POLE = sqrt(3) - 2
"""Of the cubic B-spline's prefilter (M. Unser, Splines: a perfect fit for signal and image processing, IEEE Signal
Processing Magazine 16(6), 1999)."""

RADIUS = 11
"""Voxels on each side that the prefilter looks at.  What is cut off moves no value by more than 6e-7 of the range of
the source in a pass along one axis, whatever the source: measured, over all positions and both borders."""


@dataclass(frozen=True, eq=False)
class Table:
    """``out[t] = sum(weights[t, n] * source[index[t, n]] for n in range(taps))`` where ``inside[t]``, else fill.

    index : (rows, taps) int64, lattice indices of the source within its bounds; those of a row follow one another,
        but for linear ones at the last voxel, which look at it twice
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
def spline(
    step: float, offset: float, order: int, rows: tuple[int, int], bounds: tuple[int, int], border: Border = "mirror"
) -> Table:
    """B-spline interpolation of ``order`` 0 (nearest), 1 (linear) or 3 (cubic) at positions ``step * t + offset``.

    ::

        source     low              high - 1
                    |     |     |     |            positions up to half a voxel outside are
               [----x-----x-----x-----x----]       inside, beyond is fill
               low - 0.5           high - 0.5

    Outside the outermost centres, orders 0 and 1 take the border's value; the cubic goes on over the lattice that
    ``border`` continues: ``mirror`` is ITK's B-spline and SciPy's mode of that name, ``nearest`` SciPy's and
    scikit-image's ``edge``.

    Parameters
    ----------
    step, offset : source lattice index of row t = step * t + offset
    rows : ``[start, stop)`` of t
    bounds : ``[low, high)``, the lattice indices of the whole source, not of the piece at hand

    Returns
    -------
    Table, read-only.  A position midway between two voxels is nearest to the upper one, as in ITK.  A cubic row is the
    four B-splines that reach its position, convolved with the prefilter; at a voxel's centre it is that voxel.

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
    if order not in (0, 1, 3):
        raise ValueError("order must be 0, 1 or 3")
    low, high = _checked(bounds)
    if order == 3 and abs(step - 1) < 1e-14 and abs(offset - round(offset)) < 1e-10:
        order = 0  # every position is a voxel
    position, inside = _bounded(step, offset, rows, bounds)
    if order < 3:
        position = np.clip(position, low, high - 1)
    if order == 0:
        return _frozen(np.floor(position + 0.5)[:, None], np.ones((position.size, 1)), inside)
    base = np.floor(position)
    part = position - base
    if order == 1:
        index = np.stack([base, np.minimum(base + 1, high - 1)], 1)
        return _frozen(index, np.stack([1 - part, part], 1), inside)
    weights = _convolved(bsplines(part), _prefilter())
    weights[part == 0] = 0
    weights[part == 0, RADIUS + 1] = 1
    return _frozen(*folded(base - RADIUS - 1, weights, bounds, border), inside)


@lru_cache(maxsize=64)
def prefilter(rows: tuple[int, int], bounds: tuple[int, int], border: Border = "mirror") -> Table:
    """Coefficients of the interpolating cubic B-spline at lattice indices ``rows``; up to RADIUS beyond the bounds.

    The value at x is the sum of ``coefficient[n] * B3(x - n)`` over the four nearest n.

    Raises ValueError for bounds that hold no voxel.
    """
    base = np.arange(*rows) - RADIUS
    weights = np.tile(_prefilter(), (base.size, 1))
    return _frozen(*folded(base, weights, _checked(bounds), border), np.ones(base.size, bool))


@lru_cache(maxsize=256)
def area(step: float, offset: float, rows: tuple[int, int], bounds: tuple[int, int]) -> Table:
    """The average of the source over the new cell: ``|step|`` voxels wide about ``step * t + offset``, in the volume.

    A source voxel counts by the part of it that the cell covers.  Parameters and ValueError as for ``spline``.

    >>> area(2.0, 0.5, (0, 2), (0, 4)).weights.tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    low, high = _checked(bounds)
    position, inside = _bounded(step, offset, rows, bounds)
    begin = np.maximum(position - abs(step) / 2, low - 0.5)[:, None]
    end = np.minimum(position + abs(step) / 2, high - 0.5)[:, None]
    cells = np.floor(begin + 0.5) + np.arange(ceil(abs(step)) + 1)
    covered = np.maximum(np.minimum(end, cells + 0.5) - np.maximum(begin, cells - 0.5), 0)
    return _frozen(*folded(cells[:, 0], covered / (end - begin), bounds, "nearest"), inside)


@lru_cache(maxsize=256)
def gaussian(sigma: float, rows: tuple[int, int], bounds: tuple[int, int]) -> Table:
    """Smoothing on the lattice itself: a Gaussian of ``sigma`` voxels, sampled, cut off at 4 sigma, sum 1.

    The lattice goes on with the border's value, as in SciPy's ``gaussian_filter(mode="nearest")``.

    Raises ValueError for bounds that hold no voxel, or a sigma below 0.

    >>> gaussian(0.0, (0, 2), (0, 2)).weights.tolist()
    [[1.0], [1.0]]
    """
    if not sigma >= 0:
        raise ValueError("sigma must be at least 0")
    radius = int(4 * sigma + 0.5)
    bell = [exp(-0.5 * (n / sigma) ** 2) if n else 1.0 for n in range(-radius, radius + 1)]
    base = np.arange(*rows) - radius
    weights = np.tile(np.array(bell) / sum(bell), (base.size, 1))
    return _frozen(*folded(base, weights, _checked(bounds), "nearest"), np.ones(base.size, bool))


def antialiasing(step: float) -> float:
    """Sigma in source voxels that takes out what a lattice ``step`` times as wide cannot hold; 0 where it is no wider.

    M. J. Cardoso et al., Scale factor point spread function matching: beyond aliasing in image resampling, MICCAI 2015.

    >>> antialiasing(0.7)
    0.0
    """
    return sqrt(max(step * step - 1, 0.0) / (8 * log(2)))


def smoothed(table: Table, sigma: float, bounds: tuple[int, int]) -> Table:
    """Smoothing by ``gaussian(sigma)`` and then ``table``, as one table, whose voxels all follow one another."""
    low, high = bounds
    first = gaussian(sigma, bounds, bounds)
    index = first.index[table.index - low].reshape(len(table.index), table.taps * first.taps)
    weights = (table.weights[..., None] * first.weights[table.index - low]).reshape(index.shape)
    width = min(table.taps + first.taps - 1, high - low)
    begin = np.clip(index[:, 0], low, high - width)
    return _frozen(*gathered(index, weights, begin, width), table.inside)


def _checked(bounds: tuple[int, int]) -> tuple[int, int]:
    if bounds[1] <= bounds[0]:
        raise ValueError("the source holds no voxel")
    return bounds


def positions(step: float, offset: float, rows: tuple[int, int]) -> np.ndarray:
    """(rows,) float64: ``step * t + offset``, rounded to 1 / GRAIN."""
    return np.rint((np.arange(*rows, dtype="f8") * step + offset) * GRAIN) / GRAIN


def _bounded(
    step: float, offset: float, rows: tuple[int, int], bounds: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rows and which are inside; those that are not are moved to the nearest that is."""
    position = positions(step, offset, rows)
    first, last = bounds[0] - HALF, bounds[1] - 1 + HALF
    return np.clip(position, first, last), (position >= first) & (position <= last)


def bsplines(part: np.ndarray) -> np.ndarray:
    """(rows, 4): the cubic B-splines at voxels -1, 0, 1, 2, seen from ``part`` of the way from 0 to 1."""
    p, q = part, 1 - part
    return np.stack([q * q * q, 4 - 3 * p * p * (2 - p), 4 - 3 * q * q * (2 - q), p * p * p], 1) / 6


def _prefilter() -> np.ndarray:
    """(2 * RADIUS + 1,): the impulse response of the prefilter, ``sqrt(3) * POLE ** |n|``, cut off, sum 1."""
    powers = [1.0]
    for _ in range(RADIUS):
        powers.append(powers[-1] * POLE)
    response = powers[:0:-1] + powers
    return np.array(response) / sum(response)


def _convolved(rows: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Each row convolved with the response, by plain sums in a fixed order."""
    made = np.zeros((len(rows), rows.shape[1] + response.size - 1))
    for n in range(rows.shape[1]):
        made[:, n : n + response.size] += rows[:, n, None] * response
    return made


def _frozen(index: np.ndarray, weights: np.ndarray, inside: np.ndarray) -> Table:
    table = Table(index.astype("i8"), weights, inside)
    for array in (table.index, table.weights, table.inside):
        array.setflags(write=False)
    return table
