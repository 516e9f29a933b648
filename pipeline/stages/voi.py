"""VOI: what an X-ray needs before anything else can look at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import RecipeError
from pipeline.grid import Grid
from pipeline.kernels import intensity
from pipeline.kernels import ramp as ramps
from pipeline.kernels.ramp import Ramp
from pipeline.stages import Stage
from pipeline.volume import Facts, Kind, Spec, Volume


@dataclass(frozen=True)
class Voi(Stage):
    """The window that the image itself asks for, and MONOCHROME1 turned round: white is high, always.

    Attributes
    ----------
    center, width : both, or neither: then the window of the header, else the whole range of the voxels
    inverted : the lowest value is white; None: as the header says (MONOCHROME1)
    dtype : 0..1 in the floats, 0..255 in uint8

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    center: float | None = None
    width: float | None = None
    inverted: bool | None = None
    dtype: Literal["float16", "float32", "uint8"] = "float16"

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if (self.center is None) != (self.width is None):
            raise ValueError("center and width go together: give both or neither")
        if self.dtype not in ramps.DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(ramps.DTYPES)}")
        if self.center is not None and self.width is not None:
            ramps.window(self.center, self.width, self.dtype)

    def resolve(self, facts: Facts) -> Stage:
        """The same with numbers in it."""
        center, width = _window(facts) if self.center is None else (self.center, self.width)
        inverted = facts.inverted if self.inverted is None else self.inverted
        return replace(self, center=center, width=width, inverted=inverted)

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def ramp(self, source: Spec) -> Ramp:
        """Raises RecipeError before ``resolve``."""
        if self.center is None or self.width is None or self.inverted is None:
            raise RecipeError("voi has no window yet: it is resolved by the facts of the raw volume")
        return ramps.window(self.center, self.width, self.dtype, self.inverted)

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        return part.with_array(intensity.ramp(part.intensities, self.ramp(source)))


def _window(facts: Facts) -> tuple[float, float]:
    """(center, width) as LINEAR_EXACT, from the header or, where that is of no use, from the range.

    A header's window means the function LINEAR unless it says otherwise (DICOM PS3.3 C.11.2.1.3), which is
    LINEAR_EXACT of ``center - 0.5`` and ``width - 1`` (C.11.2.1.2.1).  A constant image gets a width of 1.
    """
    if facts.window is not None:
        center, width = facts.window
        if isfinite(center) and isfinite(width) and width > 1:
            return center - 0.5, width - 1
    return (facts.low + facts.high) / 2, (facts.high - facts.low) or 1.0
