"""More room around the volume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import ClassVar

from pipeline import regrid
from pipeline.grid import Grid, Triple
from pipeline.stages import Stage
from pipeline.volume import Spec, Volume


@dataclass(frozen=True)
class Pad(Stage):
    """The same voxels amid fill: half of it before, half behind, the odd voxel behind.

    What is asked for is done in this order: the margin, then the least, then the multiple.

    Attributes
    ----------
    margin_mm : added along k, j, i on both sides, in whole voxels, rounded up
    at_least : voxels along k, j, i
    multiple : lengths along k, j, i become multiples of it, as the strides of a network want
    fill : rounded and clipped to the type of the image; None: -1024, so that unsigned types get 0; labels always get 0

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be, or if nothing is asked for.
    """

    margin_mm: tuple[float, float, float] | None = None
    at_least: Triple | None = None
    multiple: Triple | None = None
    fill: float | None = None

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.margin_mm is None and self.at_least is None and self.multiple is None:
            raise ValueError("pad needs margin_mm, at_least or multiple")
        if self.margin_mm is not None and not all(isfinite(mm) and mm >= 0 for mm in self.margin_mm):
            raise ValueError("margin_mm must be finite and at least 0")
        if min(self.at_least or (1,)) < 1 or min(self.multiple or (1,)) < 1:
            raise ValueError("at_least and multiple must be at least 1 along every axis")
        if self.fill is not None and not isfinite(self.fill):
            raise ValueError("fill must be a finite number")

    def spec(self, source: Spec) -> Spec:
        grid = source.grid
        if self.margin_mm is not None:
            grid = grid.pad([ceil(mm / s - 1e-6) for mm, s in zip(self.margin_mm, grid.spacing, strict=True)])
        grid = _grown(grid, [max(n, m) for n, m in zip(grid.shape, self.at_least or (0, 0, 0), strict=True)])
        grid = _grown(grid, [-(-n // m) * m for n, m in zip(grid.shape, self.multiple or (1, 1, 1), strict=True)])
        return replace(source, grid=grid)

    def reach(self, piece: Grid, source: Spec) -> Grid:
        return regrid.reach(piece, source.grid)

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        return regrid.regrid(volume, piece, source.grid, fill=regrid.filling(source.kind, self.fill))


def _grown(grid: Grid, lengths: list[int]) -> Grid:
    more = [m - n for m, n in zip(lengths, grid.shape, strict=True)]
    before = [n // 2 for n in more]
    return grid.crop([-n for n in before], [m - n for m, n in zip(lengths, before, strict=True)])
