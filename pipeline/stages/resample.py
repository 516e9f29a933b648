"""Resampling to a spacing."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.kernels import intensity, tables
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.resample import resample
from pipeline.stages import Stage
from pipeline.volume import Spec, Volume

AIR = -1024.0
"""HU of what lies beyond a CT's field of view."""


@dataclass(frozen=True)
class Resample(Stage):
    """The same field of view in voxels of ``spacing`` mm: the outer faces of the first voxel stay put.

    Positions up to half a voxel outside the source take the border's value; beyond lies ``fill``.

    Attributes
    ----------
    spacing : mm along k, j, i
    order : of the spline, 0 (nearest) or 1 (linear); labels are always resampled by nearest
    antialias : not yet there, so only false
    fill : rounded and clipped to the type of the image; None: -1024, so that unsigned types get 0; labels always get 0

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    spacing: tuple[float, float, float]
    order: Literal[0, 1] = 1
    antialias: Literal[False] = False
    fill: float | None = None

    moves: ClassVar[bool] = True
    interpolates: ClassVar[bool] = True
    fuses: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if len(self.spacing) != 3 or not all(s > 0 and isfinite(s) for s in self.spacing):
            raise ValueError("spacing must be three finite numbers above 0, in mm along k, j, i")
        if self.order not in (0, 1):
            raise ValueError("order must be 0 or 1")
        if self.antialias:
            raise ValueError("antialias must be false")
        if self.fill is not None and not isfinite(self.fill):
            raise ValueError("fill must be a finite number")

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid.respace(self.spacing), source.kind, source.dtype)

    def reach(self, piece: Grid, source: Spec) -> Grid:
        """What the rows of the piece look at; one voxel at least, none for an empty piece."""
        if not piece.size:
            return source.grid.between(source.grid.start, source.grid.start)
        spans = [t.span for t in self._tables(piece, source)]
        return source.grid.between([low for low, _ in spans], [high for _, high in spans])

    def __call__(self, volume: Volume, piece: Grid, source: Spec, ramp: Ramp | None = None) -> Volume:
        """The piece; with ``ramp``, the bits of resampling, storing, and then the ramp.

        Raises KindError for labels with a ramp.
        """
        if ramp is not None and source.kind == "labels":
            raise KindError("an intensity stage was handed labels")
        axes, fill = self._tables(piece, source), self._fill(source)
        if volume.array.dtype == np.float16 and axes[0].taps > 1:
            # Interpolated as float32 and stored as it came; a window of it finds what would have been stored.
            wide = resample(volume.array.astype(np.float32), axes, volume.grid.start, fill=fill)
            array = wide.astype(np.float16)
            return Volume(array if ramp is None else intensity.ramp(array, ramp), piece, source.kind)
        array = resample(volume.array, axes, volume.grid.start, fill=fill, ramp=ramp)
        return Volume(array, piece, source.kind)

    def _tables(self, piece: Grid, source: Spec) -> list[tables.Table]:
        order = 0 if source.kind == "labels" else self.order
        whole = source.grid
        lines = zip(whole.axes(piece), piece.start, piece.stop, whole.start, whole.stop, strict=True)
        return [tables.spline(*line, order, (a, b), (low, high)) for line, a, b, low, high in lines]

    def _fill(self, source: Spec) -> float:
        if source.kind == "labels":
            return 0.0
        return AIR if self.fill is None else self.fill
