"""N4: the smooth field that multiplies the intensities of an MR image, estimated and divided out."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, isfinite
from typing import ClassVar

import numpy as np

from pipeline.errors import Quarantine
from pipeline.fits import Fit
from pipeline.grid import Frame, Grid
from pipeline.kernels import lattice, n4
from pipeline.reasons import Reason
from pipeline.stages.biasfield import STEEPEST, BiasField
from pipeline.tally import Cells, CellSums, Histogram
from pipeline.volume import Kind, Spec, Volume

GRAIN = 2.0**14
"""The log field is kept in steps of 1 / GRAIN: 0.006 % of the intensity."""

FEWEST = 64
"""Cells in the mask, below which nothing is estimated."""

LARGEST = 2**25
"""Cells in all, above which the estimate would take more than a few GB."""


@dataclass(frozen=True)
class N4(Fit):
    """N. J. Tustison et al., N4ITK, IEEE Trans. Med. Imaging 29(6), 2010, on a volume of larger voxels.

    ::

        voxels --exact sums--> cells of shrink_mm --N4--> control points --> BiasField, on every voxel

    The field's mean over the mask is 1 (of its log, 0): intensities stay in their range.  Integers stay integers.

    Attributes
    ----------
    within : a label map: the field is estimated where it is not 0.  None: above Otsu's threshold of the cells
    shrink_mm : edge of a cell, to the nearest whole number of voxels: at least 1, at most 12
    spline_mm : distance of the knots at the first level, to the nearest whole number of spans in the volume;
        every further level halves it
    levels, iterations : of these levels, each with this many iterations at most
    tolerance : a level ends earlier where the coefficient of variation of the field's change is not above this

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    within: str | None = None
    shrink_mm: float = 4.0
    spline_mm: float = 200.0
    levels: int = 4
    iterations: int = 50
    tolerance: float = 0.001

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        for name in ("shrink_mm", "spline_mm"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be a finite number above 0, in mm")
        if not 1 <= self.levels <= 8:
            raise ValueError("levels must be 1 to 8")
        if self.iterations < 1:
            raise ValueError("iterations must be at least 1")
        if not self.tolerance >= 0:
            raise ValueError("tolerance must be at least 0")

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> CellSums:
        return CellSums.of(volume, mask, Cells.of(source.grid, self.shrink_mm))

    def stage(self, total: CellSums, source: Spec) -> BiasField:
        """Raises Quarantine: NO_BIAS_FIELD, or TOO_LARGE for more than 2^25 cells."""
        where = Cells.of(source.grid, self.shrink_mm)
        if total.counts.size > LARGEST:
            raise Quarantine(Reason.TOO_LARGE)
        image, mask = total.means, self._mask(total, where)
        known = image[mask]
        if min(where.shape) < 2 or known.size < FEWEST or not known.min() < known.max():
            raise Quarantine(Reason.NO_BIAS_FIELD)
        lengths = [(n - 1) * f * s for n, f, s in zip(where.shape, where.factor, source.grid.spacing, strict=True)]
        spans = [max(1, round(mm / self.spline_mm)) for mm in lengths]
        control = n4.log_field(image, mask.view(np.uint8), spans, self.levels, self.iterations, self.tolerance)
        tables = [
            lattice.rows((c - 3) / (n - 1), 0.0, (0, n), c - 3) for c, n in zip(control.shape, image.shape, strict=True)
        ]
        field = lattice.evaluate(control, tables)[mask]
        control = np.rint((control - fsum(field) / field.size) * GRAIN) / GRAIN
        if not np.abs(control).max() <= STEEPEST:
            raise Quarantine(Reason.NO_BIAS_FIELD)
        nested = tuple(tuple(map(tuple, plane)) for plane in control.tolist())
        return BiasField(nested, _knots(source.grid, where, control.shape))

    def _mask(self, total: CellSums, where: Cells) -> np.ndarray:
        """bool: the cells whose voxels count, at least half of them, and whose mean is above 0, and foreground."""
        counted = (2 * total.counts >= where.voxels) & (total.means > 0)
        if self.within is None and counted.any():
            threshold = Histogram.of(total.means[total.counts > 0]).otsu
            counted &= total.means >= (np.inf if threshold is None else np.float32(threshold))
        return counted


def _knots(grid: Grid, where: Cells, control: tuple[int, ...]) -> Frame:
    """(4, 4): spans from the first knot, at the middle of the first cell, to the last, at the middle of the last."""
    first = [a - s + (f - 1) / 2 for a, s, f in zip(where.first, grid.start, where.factor, strict=True)]
    steps = [(n - 1) * f / (c - 3) for n, f, c in zip(where.shape, where.factor, control, strict=True)]
    origin = grid.position(first)
    rows = [
        (*(x * s for x, s in zip(row[:3], steps, strict=True)), o) for row, o in zip(grid.frame, origin, strict=False)
    ]
    return (*rows, grid.frame[3])
