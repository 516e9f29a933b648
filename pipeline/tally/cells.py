"""A volume in larger voxels: what is smooth can be looked at there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.grid import Grid, Triple
from pipeline.kernels import cells
from pipeline.volume import Volume
from pipeline.xp import to_host

FEWEST = 4
"""Cells along an axis, where it has as many voxels: a cubic spline needs something to lie on."""

MOST = 2**11
"""Voxels of a cell, so that the sums fit into 64 bits."""


@dataclass(frozen=True)
class Cells:
    """Boxes of voxels that tile the middle of a volume; fewer than a cell are left out at its faces.

    Attributes
    ----------
    factor : voxels of a cell along k, j, i
    first : lattice index of the first voxel of the first cell
    shape : cells along k, j, i
    """

    factor: Triple
    first: Triple
    shape: Triple

    @classmethod
    def of(cls, grid: Grid, size_mm: float) -> Cells:
        """Cells of about ``size_mm``: whole voxels, at least one, in all at most ``MOST``."""
        longest = int(MOST ** (1 / 3))
        factor = [
            max(1, min(round(min(size_mm / step, longest)), n // FEWEST))
            for step, n in zip(grid.spacing, grid.shape, strict=True)
        ]
        shape = [n // f for n, f in zip(grid.shape, factor, strict=True)]
        rest = [(n - m * f) // 2 for n, m, f in zip(grid.shape, shape, factor, strict=True)]
        (a, b, c), (d, e, g), (k, j, i) = factor, shape, (s + r for s, r in zip(grid.start, rest, strict=True))
        return cls((a, b, c), (k, j, i), (d, e, g))

    @property
    def voxels(self) -> int:
        """Of one cell."""
        k, j, i = self.factor
        return k * j * i


@dataclass(frozen=True, eq=False)
class CellSums:
    """Exact sums over the cells of a volume.

    Attributes
    ----------
    sums : int64 [k, j, i], in steps of ``1 / scale``
    counts : int64 [k, j, i], the voxels that counted: finite, and inside the mask
    scale : steps of one unit
    """

    sums: np.ndarray
    counts: np.ndarray
    scale: float

    @classmethod
    def of(cls, volume: Volume, mask: Volume | None, where: Cells) -> CellSums:
        """Of the cells' voxels that lie in a block.  Raises KindError for labels."""
        start = [a - b for a, b in zip(volume.grid.start, where.first, strict=True)]
        known = None if mask is None else mask.array
        sums, counts = map(to_host, cells.sums(volume.intensities, known, start, where.factor, where.shape))
        return cls(sums, counts, cells.scale(volume.array.dtype))

    def __add__(self, other: CellSums) -> CellSums:
        return CellSums(self.sums + other.sums, self.counts + other.counts, self.scale)

    @property
    def means(self) -> np.ndarray:
        """float32 [k, j, i]; 0 where nothing counted."""
        means = self.sums / (np.maximum(self.counts, 1) * self.scale)
        return means.astype(np.float32)
