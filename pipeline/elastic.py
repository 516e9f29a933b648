"""A smooth random displacement in mm, the same wherever a piece of it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from pipeline.grid import IDENTITY, Grid
from pipeline.kernels import philox
from pipeline.kernels.bend import Bend, bend, control

FOLD = 0.4
"""A cubic B-spline displacement folds nowhere where no control point is moved by more than this part of their distance
along any axis: Y. Choi, S. Lee, Injectivity conditions of 2D and 3D uniform cubic B-spline functions, Graphical Models
62(6), 2000."""


@dataclass(frozen=True)
class Elastic:
    """A cubic B-spline of control points ``control_mm`` apart, each moved by up to ``magnitude_mm`` along x, y and z.

    Control point m of an axis lies ``m * control_mm`` from index 0 of the lattice; its displacement is uniform, drawn
    by Philox at m under ``key``, whatever lies around it.

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be, or the displacement could fold.
    """

    control_mm: float
    magnitude_mm: float
    key: int

    def __post_init__(self) -> None:
        if not (isfinite(self.control_mm) and self.control_mm > 0):
            raise ValueError("control_mm must be a finite number above 0")
        if not 0 <= self.magnitude_mm <= FOLD * self.control_mm:
            raise ValueError(f"magnitude_mm must lie within 0 and {FOLD} * control_mm: more could fold the volume")
        if not 0 <= self.key < 2**64:
            raise ValueError("key must be a whole number of 64 bits")

    def bend(self, piece: Grid, source: Grid) -> Bend:
        """Of every voxel of ``piece``, along the axes of ``source`` in its voxels; nothing leaves a single slice."""
        rows = list(zip(piece.start, piece.stop, strict=True))
        strides = [self.control_mm / s for s in piece.spacing]
        ranges = [control(stride, ends) for stride, ends in zip(strides, rows, strict=True)]
        first, shape = [a for a, _ in ranges], [b - a for a, b in ranges]
        x, y, z = (self._moved(first, shape, stream) for stream in range(3))
        voxels = [row[:3] for row in source.matrix(Grid(IDENTITY, (1, 1, 1)))]
        points = [
            (a * x + b * y) + c * z if n > 1 else 0 * x for (a, b, c), n in zip(voxels, source.shape, strict=True)
        ]
        return bend(np.stack(points), first, strides, rows)

    def _moved(self, first: list[int], shape: list[int], stream: int) -> np.ndarray:
        """Of each control point the displacement along one patient axis, in mm."""
        part = philox.uniform(self.key, first, shape, stream).astype(np.float64)
        return (2 * part - 1) * self.magnitude_mm
