"""PET activity to standardized uptake values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import Quarantine, RecipeError
from pipeline.grid import Grid
from pipeline.kernels import intensity
from pipeline.kernels.ramp import Ramp
from pipeline.reasons import Reason
from pipeline.stages import Stage
from pipeline.volume import Facts, Kind, Spec, Volume


@dataclass(frozen=True)
class Suv(Stage):
    """Uptake values by body weight, in g/ml: activity in Bq/ml times body weight in g over the decayed dose in Bq.

    The scan makes the factor of the header (``archive/suv.py``); the stage multiplies.

    Attributes
    ----------
    factor : from intensities to uptake values; None: that of the volume
    dtype : of the result

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    factor: float | None = None
    dtype: Literal["float16", "float32"] = "float32"

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    units: ClassVar[str | None] = "g/ml"

    def __post_init__(self) -> None:
        if self.dtype not in ("float16", "float32"):
            raise ValueError("dtype must be one of float16, float32")
        if self.factor is not None and not (isfinite(self.factor) and self.factor > 0):
            raise ValueError("factor must be a finite number above 0")

    def resolve(self, facts: Facts) -> Stage:
        """The same with the factor in it.

        Raises Quarantine where the header of the volume does not allow one, with the reason.
        """
        if self.factor is None and facts.suv_refusal is not None:
            raise Quarantine(Reason(facts.suv_refusal))
        return self if self.factor is not None else replace(self, factor=facts.suv_factor)

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def ramp(self, source: Spec) -> Ramp:
        """Raises RecipeError before ``resolve``."""
        if self.factor is None:
            raise RecipeError("suv has no factor yet: it is resolved by the facts of the raw volume")
        largest = float(np.finfo(np.float32).max)
        return Ramp(-largest, largest, 0.0, self.factor, np.dtype(self.dtype))

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        return part.with_array(intensity.ramp(part.intensities, self.ramp(source)))
