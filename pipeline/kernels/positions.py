"""Where the voxels of a target lie on the lattice of a source, when axes are not parallel: straight lines, or bent.

A position is a plain float64 polynomial of the target's lattice index, ``((a k + b j) + d) + c i``, and with a
bend the displacement of that very index is added: nothing is carried along a line, so that every cut computes
the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import floor
from types import ModuleType

import numpy as np

from pipeline.kernels.bend import Bend
from pipeline.kernels.tables import GRAIN, HALF
from pipeline.xp import Array

Span = tuple[int, int]
"""Lattice indices ``[low, high)``."""

Spans = tuple[Span, Span, Span]
"""One an axis: k, j, i."""


@dataclass(frozen=True, eq=False)
class Positions:
    """The source position of every voxel of a target, by the edge rule of ``tables.spline``.

    Attributes
    ----------
    matrix : (3, 4) float64: target lattice index (k, j, i, 1) -> source lattice index (k, j, i)
    rows : lattice indices of the target, what is to be made
    bounds : lattice indices of the *whole* source, not of the piece at hand
    bend : a displacement to be added, in source voxels; its rows are those of the target

    Raises
    ------
    ValueError
        If the matrix is not (3, 4) and finite, the source holds no voxel, or the bend has other rows.
    """

    matrix: np.ndarray
    rows: Spans
    bounds: Spans
    bend: Bend | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", np.asarray(self.matrix, "f8"))
        if self.matrix.shape != (3, 4) or not np.isfinite(self.matrix).all():
            raise ValueError("positions need a finite matrix of 3 x 4")
        if any(high <= low for low, high in self.bounds):
            raise ValueError("the source holds no voxel")
        if self.bend is not None and self.bend.shape != self.shape:
            raise ValueError("the bend is not that of these rows")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the target along k, j, i."""
        k, j, i = (max(0, b - a) for a, b in self.rows)
        return k, j, i

    def span(self, order: int) -> Spans:
        """What is looked at: voxels of the source (orders 0 and 1; one at least), or coefficients (3), also beyond it.

        A position grows or falls with each index of the target, in floats too: corners hold its extremes.
        """
        before, after = {0: (0, 1), 1: (0, 2), 3: (-1, 3)}[order]
        spans = []
        for axis, (low, high) in enumerate(self.bounds):
            ends = [self._at(axis, corner) for corner in product(*((a, b - 1) for a, b in self.rows))]
            less, more = (0.0, 0.0) if self.bend is None else self.bend.extremes(axis)
            margin, shift = HALF if order == 3 else 0.0, 0.5 if order == 0 else 0.0
            extremes = (min(ends) + less, max(ends) + more)
            first, last = (floor(min(max(p, low - margin), high - 1 + margin) + shift) for p in extremes)
            spans.append((first + before, last + after if order == 3 else min(last + after, high)))
        k, j, i = spans
        return k, j, i

    def slab(self, first: int, last: int) -> Positions:
        """Some of the target's slices, counted from its first."""
        (k, _), *others = self.rows
        bend = None if self.bend is None else self.bend.slab(first, last)
        return Positions(self.matrix, ((k + first, k + last), *others), self.bounds, bend)  # type: ignore[arg-type]

    def arrays(self, xp: ModuleType = np) -> list[Array]:
        """Of each axis the position of every voxel, float64 [k, j, i]: the definition that compiled code is held to."""
        k, j, i = (
            xp.arange(a, b, dtype="f8").reshape([-1 if n == axis else 1 for n in range(3)])
            for axis, (a, b) in enumerate(self.rows)
        )
        at = [((a * k + b * j) + d) + c * i for a, b, c, d in self.matrix.tolist()]
        return at if self.bend is None else [p + d for p, d in zip(at, self.bend.arrays(xp), strict=True)]

    def _at(self, axis: int, corner: Sequence[int]) -> float:
        a, b, c, d = self.matrix[axis].tolist()
        k, j, i = map(float, corner)
        return float(np.rint((((a * k + b * j) + d) + c * i) * GRAIN) / GRAIN)


def settled(position: Array, bounds: Span, margin: float = 0.0, xp: ModuleType = np) -> tuple[Array, Array]:
    """(rounded to the grain and clamped to ``margin`` beyond the outermost centres, whether at most HALF outside)."""
    low, high = bounds
    position = xp.rint(position * GRAIN) * (1 / GRAIN)
    inside = (position >= low - HALF) & (position <= high - 1 + HALF)
    return xp.clip(position, low - margin, high - 1 + margin), inside
