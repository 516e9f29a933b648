"""Segmentation by a range of intensities."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import components, morphology
from pipeline.kernels.threshold import between
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Threshold(Stage):
    """Label 1 where ``lower <= intensity <= upper``, closed, then reduced to its largest component.

    ::

        reach    |-- 2 r --|------ piece ------|-- 2 r --|    read: dilated by r, then eroded by r
        result             |------ piece ------|              written

    Which component is largest only the whole volume tells: with ``largest`` the reach is all of it.

    Attributes
    ----------
    lower, upper : bounds, both inclusive, in the units of the image; one of them may be None
    closing_mm : radius r of the ball that closes gaps, in mm; 0 closes nothing.  The spacing of the
        source turns it into voxels, as if the axes were orthogonal
    largest : keep only the largest component of voxels that share faces; of equals the first

    Raises
    ------
    ValueError
        If no bound is given, a number is not finite, lower > upper, or the radius is negative.
    """

    version: ClassVar[int] = 1
    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    lower: float | None = None
    upper: float | None = None
    closing_mm: float = 0.0
    largest: bool = False

    def __post_init__(self) -> None:
        given = [bound for bound in (self.lower, self.upper) if bound is not None]
        if not given or given != sorted(given) or not all(map(isfinite, given)):
            raise ValueError("threshold needs lower, upper or both, finite, lower <= upper")
        if not (isfinite(self.closing_mm) and self.closing_mm >= 0):
            raise ValueError("closing_mm is a radius in mm: finite and at least 0")

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid, "labels", np.dtype("uint8"))

    def reach(self, piece: Grid, source: Spec) -> Grid:
        if self.largest:
            return source.grid
        return source.grid.clip(piece.pad([2 * n for n in morphology.radius(self._ball(source))]))

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        # Cut to the reach first: a closing sees no more than that, however much is at hand.
        volume = volume.crop_to(self.reach(piece, source))
        mask = between(volume.intensities, self.lower, self.upper)
        if self.closing_mm > 0:
            mask = morphology.closing(mask, self._ball(source))
        if self.largest:
            mask = components.largest(mask)
        return Volume(mask, volume.grid, "labels").crop_to(piece)

    def _ball(self, source: Spec) -> morphology.Ball:
        return morphology.ball(self.closing_mm, source.grid.spacing)
