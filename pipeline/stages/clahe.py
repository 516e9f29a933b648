"""Local contrast: equalization of the histogram, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import clahe
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume

FEWEST = 8
"""Voxels of a tile along an axis, where it has as many: the histograms stay smaller than the volume."""


@dataclass(frozen=True)
class Clahe(Stage):
    """Contrast-limited adaptive histogram equalization to 0..1; its reach is the whole volume.

    What lies outside ``lower .. upper`` counts as the nearer end, so no outlier moves the rest; the range that the
    voxels do take between them is spread over the result.

    Attributes
    ----------
    lower, upper : range of intensities, in the units of the image
    kernel_mm : edge of a tile, to the nearest whole number of voxels, at least 8; None: an eighth of each axis
    clip_limit : the most that one bin of a tile holds, of the voxels of a tile; 0 limits nothing
    bins : of the histogram of a tile
    dtype : of the result

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    lower: float
    upper: float
    kernel_mm: float | None = None
    clip_limit: float = 0.01
    bins: int = 256
    dtype: Literal["float16", "float32"] = "float16"

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        ends = np.array([self.lower, self.upper])
        if not (
            np.isfinite(ends).all() and np.abs(ends).max() < 1e30 and np.float32(self.lower) < np.float32(self.upper)
        ):
            raise ValueError("lower must be below upper, both finite and distinct in float32")
        if self.kernel_mm is not None and not (isfinite(self.kernel_mm) and self.kernel_mm > 0):
            raise ValueError("kernel_mm must be a finite number above 0")
        if not 0 <= self.clip_limit <= 1:
            raise ValueError("clip_limit must be 0 to 1")
        if not 2 <= self.bins <= 4096:
            raise ValueError("bins must be 2 to 4096")
        if self.dtype not in ("float16", "float32"):
            raise ValueError("dtype must be one of float16, float32")

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def reach(self, piece: Grid, source: Spec) -> Grid:
        return source.grid

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        whole = volume.crop_to(source.grid)
        kernel = self._kernel(source.grid)
        ends = self.lower, self.upper
        made = clahe.equalize(whole.intensities, *ends, kernel, self.clip_limit, self.bins, self.dtype)
        return whole.with_array(made).crop_to(piece)

    def _kernel(self, grid: Grid) -> list[int]:
        wanted = [
            n // 8 if self.kernel_mm is None else round(min(self.kernel_mm / step, n))
            for n, step in zip(grid.shape, grid.spacing, strict=True)
        ]
        return [min(max(m, FEWEST), n) for m, n in zip(wanted, grid.shape, strict=True)]
