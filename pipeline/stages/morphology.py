"""Binary morphology of a label map."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import morphology
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume
from pipeline.xp import namespace, to_host

CALLS = {
    "dilate": (morphology.dilation, 1),
    "erode": (morphology.erosion, 1),
    "open": (morphology.opening, 2),
    "close": (morphology.closing, 2),
}
"""By operation: the kernel, and how many radii it looks at."""


@dataclass(frozen=True)
class Morphology(Stage):
    """The mask of all labels, dilated, eroded, opened or closed by a ball; gives label 1, or ``each`` label its own.

    Beyond the border of the volume lies background: what touches it is eroded from there too, and keeps its shape
    under a closing.

    Attributes
    ----------
    operation : ``open`` is erode, then dilate; ``close`` is dilate, then erode
    radius_mm : of the ball.  The spacing of the source turns it into voxels, as if the axes were orthogonal
    each : every label is a mask of its own.  What several grow into stays what it was, or goes to the lowest of them

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    operation: Literal["dilate", "erode", "open", "close"]
    radius_mm: float
    each: bool = False

    takes: ClassVar[tuple[Kind, ...]] = ("labels",)

    def __post_init__(self) -> None:
        if self.operation not in CALLS:
            raise ValueError(f"operation must be one of {', '.join(CALLS)}")
        if not (isfinite(self.radius_mm) and self.radius_mm > 0):
            raise ValueError("radius_mm must be a finite number above 0")

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid, "labels", source.dtype if self.each else np.dtype("uint8"))

    def reach(self, piece: Grid, source: Spec) -> Grid:
        _, radii = CALLS[self.operation]
        return source.grid.clip(piece.pad([radii * n for n in morphology.radius(self._ball(source))]))

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        call, _ = CALLS[self.operation]
        volume = volume.crop_to(self.reach(piece, source))
        ball = self._ball(source)
        if not self.each:
            return Volume(call(volume.array != 0, ball), volume.grid, "labels").crop_to(piece)
        xp = namespace(volume.array)
        made = xp.zeros_like(volume.array)
        for value in to_host(xp.unique(volume.array)):
            if value:
                grown = call(volume.array == value, ball) != 0
                made[grown & ((volume.array == value) | ((made == 0) & (volume.array == 0)))] = value
        return Volume(made, volume.grid, "labels").crop_to(piece)

    def _ball(self, source: Spec) -> morphology.Ball:
        return morphology.ball(self.radius_mm, source.grid.spacing)
