"""Gaussian smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from pipeline.grid import Grid
from pipeline.kernels import tables
from pipeline.kernels.halves import narrowed, widened
from pipeline.kernels.resample import resample
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Blur(Stage):
    """Convolution with a Gaussian of ``sigma_mm`` along k, j, i, cut off at 4 sigma.

    ::

        reach    |-- 4 sigma --|------ piece ------|-- 4 sigma --|    read; beyond the volume, the border's value
        result                 |------ piece ------|                  written

    The spacing turns millimetres into voxels, as if the axes were orthogonal.

    Raises
    ------
    ValueError
        If a sigma is negative or not finite.
    """

    sigma_mm: tuple[float, float, float]

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if len(self.sigma_mm) != 3 or not all(s >= 0 and isfinite(s) for s in self.sigma_mm):
            raise ValueError("sigma_mm must be three finite numbers of at least 0, in mm along k, j, i")

    def reach(self, piece: Grid, source: Spec) -> Grid:
        if not piece.size:
            return piece
        spans = [table.span for table in self._tables(piece, source)]
        return source.grid.between([low for low, _ in spans], [high for _, high in spans])

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        x = volume.intensities
        array = resample(widened(x), self._tables(piece, source), volume.grid.start, fill=0.0)
        return Volume(narrowed(array, x.dtype), piece)

    def _tables(self, piece: Grid, source: Spec) -> list[tables.Table]:
        whole = source.grid
        axes = zip(self.sigma_mm, whole.spacing, piece.start, piece.stop, whole.start, whole.stop, strict=True)
        return [tables.gaussian(sigma / mm, (a, b), (low, high)) for sigma, mm, a, b, low, high in axes]
