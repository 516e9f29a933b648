"""VOI: what an X-ray needs before anything else can look at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import RecipeError
from pipeline.grid import Grid
from pipeline.kernels import intensity, lookup
from pipeline.kernels import ramp as ramps
from pipeline.kernels.ramp import Ramp
from pipeline.stages import Stage
from pipeline.volume import Facts, Kind, Spec, Volume

PROJECTIONS = frozenset({"CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA"})
"""DICOM modalities whose whole range is an image by itself, so that it can stand in for a window."""

_STEPS = 32
_REACH = 3


@dataclass(frozen=True)
class Voi(Stage):
    """The window that the image itself asks for, and MONOCHROME1 turned round: white is high, always.

    Attributes
    ----------
    center, width : both, or neither: then the window of the header, else, of a projection, the range of the voxels
    inverted : the lowest value is white; None: as the header says (MONOCHROME1)
    dtype : 0..1 in the floats, 0..255 in uint8
    function : of DICOM PS3.3 C.11.2.1.3, that center and width are meant for; a sigmoid is followed to 2e-4 of white

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    units: ClassVar[str | None] = "1"

    center: float | None = None
    width: float | None = None
    inverted: bool | None = None
    dtype: Literal["float16", "float32", "uint8"] = "float16"
    function: Literal["LINEAR_EXACT", "SIGMOID"] = "LINEAR_EXACT"

    def __post_init__(self) -> None:
        if (self.center is None) != (self.width is None):
            raise ValueError("center and width go together: give both or neither")
        if self.dtype not in ramps.DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(ramps.DTYPES)}")
        if self.function not in ("LINEAR_EXACT", "SIGMOID"):
            raise ValueError("function must be LINEAR_EXACT or SIGMOID")
        if self.center is not None and self.width is not None:
            ramps.window(self.center, self.width, self.dtype)
            if self.function == "SIGMOID":
                lookup.lines(*_sigmoid(self.center, self.width, 1.0))

    def resolve(self, facts: Facts) -> Voi:
        """The same with numbers in it.

        Raises RecipeError where the header has no window that can be followed, and the whole range is none either.
        """
        inverted = facts.inverted if self.inverted is None else self.inverted
        if self.center is not None:
            return replace(self, inverted=inverted)
        center, width, function = _of_header(facts)
        return replace(self, center=center, width=width, inverted=inverted, function=function)

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def ramp(self, source: Spec) -> Ramp | None:
        """Raises RecipeError before ``resolve``."""
        center, width, inverted = self._numbers
        return None if self.function == "SIGMOID" else ramps.window(center, width, self.dtype, inverted)

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part, ramp = volume.crop_to(piece), self.ramp(source)
        if ramp is not None:
            return part.with_array(intensity.ramp(part.intensities, ramp))
        center, width, inverted = self._numbers
        knots, values = _sigmoid(center, width, ramps.top(self.dtype))
        values = values[::-1] if inverted else values
        return part.with_array(lookup.piecewise(part.intensities, knots, values, True, self.dtype))

    @property
    def _numbers(self) -> tuple[float, float, bool]:
        if self.center is None or self.width is None or self.inverted is None:
            raise RecipeError("voi has no window yet: it is resolved by the facts of the raw volume")
        return self.center, self.width, self.inverted


def _of_header(facts: Facts) -> tuple[float, float, Literal["LINEAR_EXACT", "SIGMOID"]]:
    """(center, width, function) from the header, or, of a projection that says nothing usable, of its whole range.

    A constant projection gets a width of 1.
    """
    if facts.linear_window is not None:
        return *facts.linear_window, "LINEAR_EXACT"
    if facts.voi in ("TABLE", "OTHER"):
        raise RecipeError("voi does not follow tables, nor functions beyond the standard: give center and width")
    if facts.voi == "SIGMOID" and facts.window is not None:
        center, width = facts.window
        if isfinite(center) and isfinite(width) and width > 0:
            return center, width, "SIGMOID"
    if facts.modality in PROJECTIONS:
        return (facts.low + facts.high) / 2, (facts.high - facts.low) or 1.0, "LINEAR_EXACT"
    raise RecipeError("voi needs center and width: this volume's header has no window, and it is no projection")


def _sigmoid(center: float, width: float, white: float) -> tuple[list[float], list[float]]:
    """Knots of ``white / (1 + exp(-4 (x - center) / width))``, DICOM PS3.3 C.11.2.1.3.1, ``width / 32`` apart."""
    at = [n / _STEPS for n in range(-_REACH * _STEPS, _REACH * _STEPS + 1)]
    return [center + width * t for t in at], [white / (1 + exp(-4 * t)) for t in at]
