"""The window: a range of intensities, spread over what is stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import intensity
from pipeline.kernels import ramp as ramps
from pipeline.kernels.ramp import Ramp
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Window(Stage):
    """``width`` units about ``center`` to 0..1 (floats) or 0..255 (uint8); what lies outside is clipped.

    The function is LINEAR_EXACT of DICOM PS3.3 C.11.2.1.3.2: ``center - width / 2`` gives 0,
    ``center + width / 2`` gives the top.

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    center: float
    width: float
    dtype: Literal["float16", "float32", "uint8"] = "float16"

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if not isfinite(self.center):
            raise ValueError("center must be a finite number")
        if not (self.width > 0 and isfinite(self.width)):
            raise ValueError("width must be a finite number above 0")
        if self.dtype not in ramps.DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(ramps.DTYPES)}")
        ramps.window(self.center, self.width, self.dtype)

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def ramp(self, source: Spec) -> Ramp:
        return ramps.window(self.center, self.width, self.dtype)

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        return part.with_array(intensity.ramp(part.intensities, self.ramp(source)))
