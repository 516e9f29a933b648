"""Clipping: what lies outside a range is brought to its nearer end."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from pipeline.grid import Grid
from pipeline.kernels import intensity
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Clip(Stage):
    """``lower <= intensity <= upper``, in the units and the type that the image has; NaN stays NaN.

    Attributes
    ----------
    lower, upper : one of them may be None; in an image of integers they are rounded half to even

    Raises
    ------
    ValueError
        If no bound is given, a number is not finite, or lower > upper.
    """

    lower: float | None = None
    upper: float | None = None

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        given = [bound for bound in (self.lower, self.upper) if bound is not None]
        if not given or given != sorted(given) or not all(map(isfinite, given)):
            raise ValueError("clip needs lower, upper or both, finite, lower <= upper")

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        return part.with_array(intensity.clip(part.intensities, self.lower, self.upper))
