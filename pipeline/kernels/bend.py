"""A smooth displacement: a cubic B-spline of a coarse control lattice.

Rueckert et al., IEEE Trans. Medical Imaging 18(8), 1999.  Control point m lies at target lattice index
``m * stride``, wherever a piece begins; an index ``t`` looks at the points ``floor(t / stride) - 1 .. + 2``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from pipeline.kernels.tables import bsplines
from pipeline.xp import Array


@dataclass(frozen=True, eq=False)
class Bend:
    """``d[axis, t] = sum(w_k w_j w_i * points[axis, m])`` at every index t of a target.

    points : (3, K, J, I) float64, displacement along the k, j, i of the source, in its voxels
    first : of each axis, (rows,) int64: the first of the four points that a row looks at
    weights : of each axis, (rows, 4) float64
    """

    points: np.ndarray
    first: tuple[np.ndarray, np.ndarray, np.ndarray]
    weights: tuple[np.ndarray, np.ndarray, np.ndarray]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the target along k, j, i."""
        k, j, i = (first.size for first in self.first)
        return k, j, i

    def extremes(self, axis: int) -> tuple[float, float]:
        """No displacement along that axis of the source lies outside: a B-spline stays in the hull of its points."""
        if not all(self.shape):
            return 0.0, 0.0
        k, j, i = (slice(int(first.min()), int(first.max()) + 4) for first in self.first)
        points = self.points[axis, k, j, i]
        return float(points.min()) - 1e-6, float(points.max()) + 1e-6

    def slab(self, first: int, last: int) -> Bend:
        """Some of the target's slices, counted from its first."""
        rows = slice(first, last)
        return replace(
            self, first=(self.first[0][rows], *self.first[1:]), weights=(self.weights[0][rows], *self.weights[1:])
        )

    def arrays(self, xp: ModuleType = np) -> list[Array]:
        """Of each axis of the source the displacement of every voxel, float64 [k, j, i]: the definition."""
        return [self._contracted(xp.asarray(points), xp) for points in self.points]

    def _contracted(self, y: Array, xp: ModuleType) -> Array:
        """Along k, then j, then i, four products added one after the other."""
        for axis, (first, weights) in enumerate(zip(self.first, self.weights, strict=True)):
            column = [-1 if n == axis else 1 for n in range(3)]
            terms = [
                xp.take(y, xp.asarray(first + n), axis) * xp.asarray(weights[:, n].reshape(column)) for n in range(4)
            ]
            y = ((terms[0] + terms[1]) + terms[2]) + terms[3]
        return y


def control(stride: float, rows: tuple[int, int]) -> tuple[int, int]:
    """``[low, high)`` of the control points that the target indices ``rows`` look at; two at each end are beyond.

    >>> control(10.0, (0, 25))
    (-1, 5)
    """
    low, high = rows
    return int(np.floor(low / stride)) - 1, int(np.floor((high - 1) / stride)) + 3


def bend(points: np.ndarray, origin: Sequence[int], strides: Sequence[float], rows: Sequence[tuple[int, int]]) -> Bend:
    """The bend at the target indices ``rows``.

    Parameters
    ----------
    points : (3, K, J, I) float64, see Bend
    origin : control index of ``points[:, 0, 0, 0]``
    strides : target voxels between control points along k, j, i
    rows : ``[start, stop)`` of the target lattice along k, j, i

    Raises
    ------
    ValueError
        If a row looks beyond the points.
    """
    first, weights = [], []
    for axis, (start, stop) in enumerate(rows):
        position = np.arange(start, stop, dtype="f8") / strides[axis]
        base = np.floor(position)
        index = base.astype("i8") - 1 - origin[axis]
        if index.size and (index.min() < 0 or index.max() + 4 > points.shape[1 + axis]):
            raise ValueError("the rows look beyond the control points")
        first.append(index)
        weights.append(bsplines(position - base))
    return Bend(np.ascontiguousarray(points, "f8"), tuple(first), tuple(weights))  # type: ignore[arg-type]
