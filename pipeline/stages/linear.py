"""The ramp as it is: clip, subtract, scale.  What z-scores and the fingerprint of an archive become."""

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
from pipeline.xp import namespace


@dataclass(frozen=True)
class Linear(Stage):
    """``(clip(x, low, high) - base) * scale``, as ``kernels.ramp.Ramp`` computes it in float32.

    Its inverse is ``x = y / scale + base``, for all that was not clipped: see ``inverse``.

    Attributes
    ----------
    base, scale : subtracted, multiplied; a z-score has the mean and one over the standard deviation
    low, high : clipped to before; None does not bind
    keep_zero : voxels that are 0 stay 0: the background of an image that was cut out of its surroundings

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    base: float
    scale: float
    low: float | None = None
    high: float | None = None
    keep_zero: bool = False
    dtype: Literal["float16", "float32", "uint8"] = "float32"

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if self.dtype not in ramps.DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(ramps.DTYPES)}")
        if not self._ramp().scale:
            raise ValueError("scale of a ramp must not be 0 in float32")

    @property
    def inverse(self) -> Linear:
        """What makes the source of the result again, to the rounding of float32."""
        ends = (None if end is None else (end - self.base) * self.scale for end in (self.low, self.high))
        low, high = ends if self.scale > 0 else reversed(tuple(ends))
        return Linear(-self.base * self.scale, 1 / self.scale, low, high, self.keep_zero)

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def ramp(self, source: Spec) -> Ramp | None:
        return None if self.keep_zero else self._ramp()

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        made = intensity.ramp(part.intensities, self._ramp())
        if self.keep_zero:
            xp = namespace(made)
            made = xp.where(part.array == 0, made.dtype.type(0), made)
        return part.with_array(made)

    def _ramp(self) -> Ramp:
        low = -ramps.LARGEST if self.low is None else self.low
        high = ramps.LARGEST if self.high is None else self.high
        return Ramp(low, high, self.base, self.scale, np.dtype(self.dtype))
