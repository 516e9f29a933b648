"""How voxels become what a network was trained on.  Each rule ends in one ramp, ``(clip(x) - mean) / sd``."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np
from pydantic import ConfigDict, with_config

from pipeline.errors import Quarantine
from pipeline.kernels.ramp import LARGEST, Ramp
from pipeline.reasons import Reason
from pipeline.tally import Histogram, Moments


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Fixed:
    """``(clip(x, lower, upper) - mean) / sd`` with numbers of the training set, in source units (nnU-Net's CT rule).

    Raises ValueError for numbers that cannot be.
    """

    lower: float
    upper: float
    mean: float
    sd: float
    rule: Literal["fixed"] = "fixed"

    def __post_init__(self) -> None:
        if not (self.lower < self.upper and isfinite(self.mean) and isfinite(self.sd) and self.sd > 0):
            raise ValueError("lower must be below upper, and sd above 0")

    def ramp(self, voxels: np.ndarray) -> Ramp:
        """Whatever the voxels are."""
        return Ramp(self.lower, self.upper, self.mean, 1 / self.sd, np.dtype("float32"))


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class ZScore:
    """``(x - mean) / sd`` of the volume's own voxels; those that are not 0, where ``nonzero``."""

    nonzero: bool = False
    rule: Literal["zscore"] = "zscore"

    def ramp(self, voxels: np.ndarray) -> Ramp:
        """Of the whole volume.  Raises Quarantine (NO_CONTRAST) where nothing differs."""
        valid = voxels != 0 if self.nonzero else None
        seen = Moments.of(voxels, valid)
        seen += seen.detail(voxels, valid)
        if seen.mean is None or not seen.sd:
            raise Quarantine(Reason.NO_CONTRAST)
        return Ramp(-LARGEST, LARGEST, seen.mean, 1 / seen.sd, np.dtype("float32"))


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Percentiles:
    """From the ``lower`` to the ``upper`` percentile of the volume's voxels becomes 0 to 1, clipped."""

    lower: float = 0.5
    upper: float = 99.5
    rule: Literal["percentiles"] = "percentiles"

    def __post_init__(self) -> None:
        if not 0 <= self.lower < self.upper <= 100:
            raise ValueError("lower and upper must be percentiles: 0 <= lower < upper <= 100")

    def ramp(self, voxels: np.ndarray) -> Ramp:
        """Of the whole volume.  Raises Quarantine (NO_CONTRAST) where both percentiles are one."""
        seen = Histogram.of(voxels, sums=False)
        seen += seen.detail(voxels, None, (self.lower, self.upper))
        low, high = seen.percentile(self.lower), seen.percentile(self.upper)
        if low is None or high is None or np.float32(low) >= np.float32(high):
            raise Quarantine(Reason.NO_CONTRAST)
        return Ramp(low, high, low, 1 / (high - low), np.dtype("float32"))


Intensity = Fixed | ZScore | Percentiles
