"""Contrast: how far intensities lie from a centre."""

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
class Contrast(Stage):
    """``(intensity - center) * factor + center``, clipped to a range where one is given.

    The centre is declared, not the mean of the image: a mean is another number for every crop, and of a CT mostly a
    measure of how much air is in it.

    Attributes
    ----------
    factor : above 1 spreads the intensities, below 1 draws them together
    center : the intensity that stays where it is
    lower, upper : what comes out is clipped to these; None does not bind

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    factor: float
    center: float
    lower: float | None = None
    upper: float | None = None

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if not (self.factor >= 0 and isfinite(self.factor)):
            raise ValueError("factor must be a finite number of at least 0")
        if not isfinite(self.center):
            raise ValueError("center must be a finite number")
        given = [bound for bound in (self.lower, self.upper) if bound is not None]
        if given != sorted(given) or not all(map(isfinite, given)):
            raise ValueError("lower and upper must be finite, lower <= upper")

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        low, high = -inf if self.lower is None else self.lower, inf if self.upper is None else self.upper
        line = Line(*map(np.float32, (self.factor, self.center, self.center, low, high)))
        return part.with_array(pointwise(part.intensities, line))
