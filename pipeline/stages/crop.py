"""A part of the volume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import ceil, floor, isfinite
from typing import ClassVar

from pipeline.errors import Quarantine
from pipeline.grid import Grid, Triple
from pipeline.reasons import Reason
from pipeline.stages import Stage
from pipeline.volume import Spec, Volume

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Crop(Stage):
    """The voxels within a box: no voxel changes, and each keeps its place in the patient.

    The box is given in voxels or in the patient, once; it is grown by the margin, then cut to the volume.

    Attributes
    ----------
    start, stop : the box ``[start, stop)`` in voxels along k, j, i, counted from the volume's first
    low_mm, high_mm : two corners in the patient, LPS+ x, y, z; of an oblique volume the voxels that hold this box
    at_most : voxels along k, j, i about the middle; an axis that is shorter stays as it is
    margin_mm : added to the box along k, j, i on both sides, in whole voxels, rounded up; below 0 it is taken off

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be, or if not exactly one box is given.
    """

    start: Triple | None = None
    stop: Triple | None = None
    low_mm: Point | None = None
    high_mm: Point | None = None
    at_most: Triple | None = None
    margin_mm: Point = (0.0, 0.0, 0.0)

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if (self.start is None) != (self.stop is None) or (self.low_mm is None) != (self.high_mm is None):
            raise ValueError("start and stop go together, and so do low_mm and high_mm")
        given = [field for field in ("start", "low_mm", "at_most") if getattr(self, field) is not None]
        if len(given) != 1:
            raise ValueError("crop needs one box: start and stop, low_mm and high_mm, or at_most")
        for low, high in ((self.start, self.stop), (self.low_mm, self.high_mm)):
            if low is not None and high is not None and not all(a < b for a, b in zip(low, high, strict=True)):
                raise ValueError("the first corner of a box must be the lower one along every axis")
        if self.at_most is not None and min(self.at_most) < 1:
            raise ValueError("at_most must be at least 1 voxel along every axis")
        if not all(map(isfinite, (*(self.low_mm or ()), *(self.high_mm or ()), *self.margin_mm))):
            raise ValueError("low_mm, high_mm and margin_mm must be finite numbers")

    def spec(self, source: Spec) -> Spec:
        return replace(source, grid=self._box(source.grid))

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        """The piece, a view.  Raises Quarantine where the box holds no voxel of the whole volume."""
        if not self._box(source.grid).size:
            raise Quarantine(Reason.NOTHING_LEFT)
        return volume.crop_to(piece)

    def _box(self, whole: Grid) -> Grid:
        if self.at_most is not None:
            lengths = [min(n, most) for n, most in zip(whole.shape, self.at_most, strict=True)]
            start = [(n - m) // 2 for n, m in zip(whole.shape, lengths, strict=True)]
            box = whole.crop(start, [a + m for a, m in zip(start, lengths, strict=True)])
        elif self.start is not None and self.stop is not None:
            box = whole.crop(self.start, self.stop)
        else:
            box = _holding(whole, self.low_mm or (), self.high_mm or ())
        return whole.clip(box.pad([ceil(mm / s - 1e-6) for mm, s in zip(self.margin_mm, whole.spacing, strict=True)]))


def _holding(whole: Grid, low: tuple[float, ...], high: tuple[float, ...]) -> Grid:
    """The voxels that hold a box in the patient: those in which its corners lie, and all between."""
    corners = [whole.index(at) for at in product(*zip(low, high, strict=True))]
    axes = list(zip(*corners, strict=True))
    return whole.crop([floor(min(axis) + 0.5 + 1e-6) for axis in axes], [ceil(max(axis) + 0.5 - 1e-6) for axis in axes])
