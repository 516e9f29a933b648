"""The patient without the table."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import components, morphology
from pipeline.kernels.holes import holes
from pipeline.kernels.threshold import between
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume
from pipeline.xp import Array, namespace


@dataclass(frozen=True)
class Isolate(Stage):
    """The largest thing in the image, with all that it encloses; the rest becomes ``fill``.

    What is at least ``lower`` is eroded by a ball, so that what is thin or merely touches falls off; the largest
    component is dilated again, and its holes are filled slice by slice.  Which is largest only the whole volume
    tells: the reach is all of it.

    Attributes
    ----------
    lower : least intensity of the thing, in the units of the image
    thin_mm : radius of the ball; sheets less than twice as thick fall off where they stand free, a table top or a
        cover; 0 erodes nothing
    fill : rounded and clipped to the type of the image

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    lower: float
    thin_mm: float = 0.0
    fill: float = -1024.0

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if not isfinite(self.lower):
            raise ValueError("lower must be a finite number")
        if not (isfinite(self.thin_mm) and self.thin_mm >= 0):
            raise ValueError("thin_mm is a radius in mm: finite and at least 0")
        if not isfinite(self.fill):
            raise ValueError("fill must be a finite number")

    def reach(self, piece: Grid, source: Spec) -> Grid:
        return source.grid

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        mask = self._largest(volume.intensities, source)
        mask |= holes(mask, axis=0)
        part, kept = volume.crop_to(piece), volume.with_array(mask).crop_to(piece).array
        return part.with_array(namespace(mask).where(kept != 0, part.array, self._fill(source.dtype)))

    def _largest(self, x: Array, source: Spec) -> Array:
        ball = morphology.ball(self.thin_mm, source.grid.spacing)
        core = components.largest(morphology.erosion(between(x, self.lower), ball))
        return morphology.dilation(core, ball)

    def _fill(self, dtype: np.dtype) -> np.generic:
        if dtype.kind == "f":
            return dtype.type(self.fill)
        info = np.iinfo(dtype)
        return dtype.type(min(max(round(self.fill), info.min), info.max))
