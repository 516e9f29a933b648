"""Rescaling: one range of intensities to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import intensity
from pipeline.kernels import ramp as ramps
from pipeline.kernels.ramp import Ramp
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Rescale(Stage):
    """The line through ``lower -> to[0]`` and ``upper -> to[1]``.

    Its inverse is ``x = lower + (y - to[0]) * (upper - lower) / (to[1] - to[0])`` for all that was not clipped.

    Attributes
    ----------
    lower, upper : the range that is spread, in the units of the image
    to : what its ends become; a second number below the first turns the image round
    clip : whether what lies outside is clipped; else the line goes on
    dtype : uint8 is rounded half to even and clipped to 0..255, so that ``to`` should lie there

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    lower: float
    upper: float
    to: tuple[float, float] = (0.0, 1.0)
    clip: bool = True
    dtype: Literal["float16", "float32", "uint8"] = "float32"

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if self.dtype not in ramps.DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(ramps.DTYPES)}")
        if len(self.to) != 2:
            raise ValueError("to must be two numbers")
        self._ramp()

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def ramp(self, source: Spec) -> Ramp:
        return self._ramp()

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        return part.with_array(intensity.ramp(part.intensities, self.ramp(source)))

    def _ramp(self) -> Ramp:
        return ramps.rescale(self.lower, self.upper, self.to, self.dtype, self.clip)
