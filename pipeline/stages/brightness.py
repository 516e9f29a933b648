"""Brightness: intensities times a factor, plus a shift."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import ClassVar

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels.pointwise import Line, pointwise
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Brightness(Stage):
    """``factor * intensity + shift``; integers are rounded, and clipped to their type.

    Raises ValueError, naming the field, if its value cannot be.
    """

    factor: float = 1.0
    shift: float = 0.0

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if not (self.factor >= 0 and isfinite(self.factor)):
            raise ValueError("factor must be a finite number of at least 0")
        if not isfinite(self.shift):
            raise ValueError("shift must be a finite number")

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        line = Line(*map(np.float32, (self.factor, 0.0, self.shift, -inf, inf)))
        return part.with_array(pointwise(part.intensities, line))
