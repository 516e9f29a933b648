"""Division by a smooth field: what the fit ``n4`` becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import numpy as np

from pipeline.grid import Frame, Grid
from pipeline.kernels import biasfield, lattice
from pipeline.kernels.tables import Table
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume

STEEPEST = 80.0
"""Largest log of a field: its exponential is still a normal float32."""


@dataclass(frozen=True)
class BiasField(Stage):
    """``x / exp(s)``, where s is a cubic B-spline in patient space.

    The field stays where it is, whatever grid it is asked for on: that of the fit or another along the same axes,
    in any order and direction.  Beyond the outermost knots it keeps their value.

    Attributes
    ----------
    control : [k][j][i], control points of the natural log of the field; n + 3 along an axis of n spans
    frame : (4, 4), index (k, j, i, 1) in spans from the first knot -> LPS mm

    Raises
    ------
    ValueError
        If the control points are fewer than four along an axis, no box, or not within +-80.
    """

    control: tuple[tuple[tuple[float, ...], ...], ...]
    frame: Frame

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        planes, lines = {len(p) for p in self.control}, {len(line) for p in self.control for line in p}
        if not len(planes) == len(lines) == 1 or min(len(self.control), *planes, *lines) < lattice.TAPS:
            raise ValueError("control must be a box of at least four numbers along each axis")
        if not all(isfinite(x) and abs(x) <= STEEPEST for plane in self.control for line in plane for x in line):
            raise ValueError(f"control must hold numbers from -{STEEPEST:.0f} to {STEEPEST:.0f}")
        Grid(self.frame, (1, 1, 1))

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        """Raises GeometryError where the axes of the field and of the volume are not parallel."""
        part = volume.crop_to(piece)
        return part.with_array(biasfield.divide(part.intensities, *self._along(piece)))

    def _along(self, piece: Grid) -> tuple[np.ndarray, list[Table]]:
        """Control points in the order of the axes of a piece, and one table for each."""
        control = np.array(self.control)
        order = _order(self.frame, piece.frame)
        frame = [[row[axis] for axis in order] + [row[3]] for row in self.frame]
        control = control.transpose(order)
        lines = zip(Grid(tuple(map(tuple, frame)), (1, 1, 1)).axes(piece), piece.start, piece.stop, strict=True)
        tables = [lattice.rows(*line, (a, b), n - 3) for (line, a, b), n in zip(lines, control.shape, strict=True)]
        return control, tables


def _order(frame: Frame, other: Frame) -> Sequence[int]:
    """For each axis of ``other`` that of ``frame`` which lies nearest to it; as they are where that is no order."""

    def cosine(a: int, b: int) -> float:
        return abs(sum(row[a] * there[b] for row, there in zip(frame[:3], other[:3], strict=True)))

    lengths = [sum(row[a] * row[a] for row in frame[:3]) ** 0.5 for a in range(3)]
    nearest = [max(range(3), key=lambda a: cosine(a, b) / lengths[a]) for b in range(3)]
    return nearest if sorted(nearest) == [0, 1, 2] else (0, 1, 2)
