"""The z-score: intensities whose mean is 0 and whose standard deviation is 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import Quarantine
from pipeline.fits import Fit
from pipeline.reasons import Reason
from pipeline.stages.linear import Linear
from pipeline.tally import Moments
from pipeline.volume import Spec, Volume, foreground


@dataclass(frozen=True)
class ZScore(Fit):
    """``(x - mean) / sd`` of all voxels, with the mean and sd (divisor n) of those that are looked at.

    NaN and infinities are not looked at.  Where nothing differs there is no sd, and the volume is refused.

    Attributes
    ----------
    of : ``all`` voxels, or those that are not 0, which stay 0, as nnU-Net has it (Isensee et al., Nature Methods 18,
        2021) for images that were cut out of their surroundings
    within : the label map to look within; what lies outside goes through the same line
    """

    of: Literal["all", "nonzero"] = "all"
    within: str | None = None
    dtype: Literal["float16", "float32"] = "float32"

    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if self.of not in ("all", "nonzero"):
            raise ValueError("of must be all or nonzero")
        if self.dtype not in ("float16", "float32"):
            raise ValueError("dtype must be float16 or float32")

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> Moments:
        return Moments.of(volume.intensities, self._looked_at(volume, mask))

    def detail(self, total: Moments, volume: Volume, mask: Volume | None, source: Spec) -> Moments:
        return total.detail(volume.intensities, self._looked_at(volume, mask))

    def stage(self, total: Moments, source: Spec) -> Linear:
        """Raises Quarantine where there are no voxels to look at, or they are all equal."""
        mean, sd = total.mean, total.sd
        if mean is None or not sd:
            raise Quarantine(Reason.NO_CONTRAST)
        return Linear(mean, 1 / sd, keep_zero=self.of == "nonzero", dtype=self.dtype)

    def _looked_at(self, volume: Volume, mask: Volume | None) -> np.ndarray | None:
        inside = foreground(mask)
        if self.of == "all":
            return inside
        there = volume.intensities != 0
        return there if inside is None else there & inside
