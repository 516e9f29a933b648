"""Histogram equalisation: every intensity becomes the share of voxels that do not lie above it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import Quarantine
from pipeline.fits import Fit
from pipeline.reasons import Reason
from pipeline.stages.landmarks import Landmarks
from pipeline.tally import Histogram
from pipeline.volume import Spec, Volume, foreground

_FULLEST = 64

_ZERO = 1e-30
"""Magnitudes below it count as 0: no line between two knots is too steep for float32."""


@dataclass(frozen=True)
class Equalize(Fit):
    """The distribution function of the voxels, to 0..1, or to 0..255 in uint8.

    It is followed by straight lines.  Their knots are those values at which it steps over a multiple of
    ``1 / levels``, and the values next below them: there it is exact, and nowhere off by more than ``1 / levels``.
    Of float32 the values are those of 65536 bins, 2^-7 apart, of which the 64 fullest are looked into.  NaN and
    infinities are not looked at.

    Attributes
    ----------
    levels : 2 .. 4096
    within : the label map to look within; what lies outside goes through the same map
    """

    levels: int = 256
    within: str | None = None
    dtype: Literal["float16", "float32", "uint8"] = "float32"

    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if not 2 <= self.levels <= 4096:
            raise ValueError("levels must be 2 .. 4096")
        if self.dtype not in ("float16", "float32", "uint8"):
            raise ValueError("dtype must be one of float16, float32, uint8")

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> Histogram:
        return Histogram.of(volume.intensities, foreground(mask), sums=False)

    def detail(self, total: Histogram, volume: Volume, mask: Volume | None, source: Spec) -> Histogram:
        return total.detail(volume.intensities, foreground(mask), (), fullest=_FULLEST)

    def stage(self, total: Histogram, source: Spec) -> Landmarks:
        """Raises Quarantine where there are fewer than two values to look at."""
        value, voxels = total.distinct
        value = np.where(abs(value) < _ZERO, 0.0, value)
        # Of several bins of one value, such as -0 and 0, the last: up to there all are counted.
        last = np.diff(value, append=np.inf) > 0
        upto, value = np.cumsum(voxels)[last], value[last]
        if value.size < 2:
            raise Quarantine(Reason.NO_CONTRAST)
        step = upto * self.levels // total.n
        over = np.diff(step, prepend=-1) > 0
        knot = over | np.append(over[1:], True)
        white = 255 if self.dtype == "uint8" else 1
        target = [white * n / total.n for n in upto[knot].tolist()]
        return Landmarks(tuple(value[knot].tolist()), tuple(target), True, self.dtype)
