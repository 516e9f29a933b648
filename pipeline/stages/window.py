"""The window: a range of intensities, spread over what is stored."""

from __future__ import annotations

from collections.abc import Mapping
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

Preset = Literal["lung", "soft", "bone", "brain"]

PRESETS: Mapping[Preset, tuple[float, float]] = {
    "lung": (-600.0, 1500.0),
    "soft": (40.0, 400.0),
    "bone": (400.0, 1800.0),
    "brain": (40.0, 80.0),
}
"""(center, width) in HU as radiologists usually set them; there is no standard for them."""


@dataclass(frozen=True)
class Window(Stage):
    """``width`` units about ``center`` to 0..1 (floats) or 0..255 (uint8); what lies outside is clipped.

    The function is LINEAR_EXACT of DICOM PS3.3 C.11.2.1.3.2: ``center - width / 2`` gives 0,
    ``center + width / 2`` gives the top.

    Attributes
    ----------
    center, width : both, in the units of the image; or neither: then those of ``preset``, else the header's
    preset : a window of CT by its name; only for volumes in HU
    dtype : 0..1 in the floats, 0..255 in uint8

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    center: float | None = None
    width: float | None = None
    dtype: Literal["float16", "float32", "uint8"] = "float16"
    preset: Preset | None = None

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if self.dtype not in ramps.DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(ramps.DTYPES)}")
        if (self.center is None) != (self.width is None):
            raise ValueError("center and width go together: give both or neither")
        if self.preset is not None and self.preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}")
        if self.preset is not None and self.center is not None:
            raise ValueError("preset stands for center and width: give the one or the others")
        if self.center is not None and self.width is not None:
            if not isfinite(self.center):
                raise ValueError("center must be a finite number")
            if not (self.width > 0 and isfinite(self.width)):
                raise ValueError("width must be a finite number above 0")
            ramps.window(self.center, self.width, self.dtype)

    def resolve(self, facts: Facts) -> Window:
        """The same with numbers in it.

        Raises RecipeError for a preset where the units are not HU, and where the header has no window that is a line.
        """
        if self.center is not None:
            return self
        if self.preset is None:
            center, width = _of_header(facts)
        elif facts.units == "HU":
            center, width = PRESETS[self.preset]
        else:
            raise RecipeError("a preset window is in HU, and this volume is not: give center and width")
        return replace(self, center=center, width=width, preset=None)

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def ramp(self, source: Spec) -> Ramp:
        """Raises RecipeError before ``resolve``."""
        if self.center is None or self.width is None:
            raise RecipeError("window has no numbers yet: it is resolved by the facts of the raw volume")
        return ramps.window(self.center, self.width, self.dtype)

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        return part.with_array(intensity.ramp(part.intensities, self.ramp(source)))


def _of_header(facts: Facts) -> tuple[float, float]:
    line = facts.linear_window
    if line is None:
        raise RecipeError("window needs center and width: this volume's header has none that are a straight line")
    return line
