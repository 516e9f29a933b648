"""The range between two percentiles, spread over another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import Quarantine
from pipeline.fits import Fit
from pipeline.kernels.ramp import DTYPES
from pipeline.reasons import Reason
from pipeline.stages.rescale import Rescale
from pipeline.tally import Histogram
from pipeline.volume import Spec, Volume, foreground


@dataclass(frozen=True)
class Percentiles(Fit):
    """The exact ``lower`` and ``upper`` percentile become ``to[0]`` and ``to[1]``.

    Percentiles are linear between neighbours (NumPy's ``linear``, type 7 of Hyndman and Fan, The American Statistician
    50(4), 1996).  NaN and infinities are not looked at.  Where both are one value, the volume is refused.

    Attributes
    ----------
    lower, upper : 0 <= lower < upper <= 100
    to, clip, dtype : as of ``rescale``
    within : the label map to look within; what lies outside goes through the same line
    """

    lower: float = 0.5
    upper: float = 99.5
    to: tuple[float, float] = (0.0, 1.0)
    clip: bool = True
    within: str | None = None
    dtype: Literal["float16", "float32", "uint8"] = "float32"

    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if not 0 <= self.lower < self.upper <= 100:
            raise ValueError("lower and upper must be percentiles: 0 <= lower < upper <= 100")
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}")
        self._rescale(0.0, 1.0)

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> Histogram:
        return Histogram.of(volume.intensities, foreground(mask), sums=False)

    def detail(self, total: Histogram, volume: Volume, mask: Volume | None, source: Spec) -> Histogram:
        return total.detail(volume.intensities, foreground(mask), (self.lower, self.upper))

    def stage(self, total: Histogram, source: Spec) -> Rescale:
        """Raises Quarantine where there are no voxels to look at, or both percentiles are one in float32."""
        low, high = total.percentile(self.lower), total.percentile(self.upper)
        if low is None or high is None or np.float32(low) >= np.float32(high):
            raise Quarantine(Reason.NO_CONTRAST)
        return self._rescale(low, high)

    def _rescale(self, low: float, high: float) -> Rescale:
        return Rescale(low, high, self.to, self.clip, self.dtype)
