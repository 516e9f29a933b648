"""The fingerprint of an archive: what its foreground looks like, and how its voxels lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from pipeline.errors import Quarantine, RecipeError
from pipeline.fits import ArchiveFit
from pipeline.reasons import Reason
from pipeline.stages.linear import Linear
from pipeline.tally import PERCENTILES, Survey
from pipeline.volume import Spec, Volume, foreground


@dataclass(frozen=True)
class Fingerprint(ArchiveFit):
    """Clipped to two percentiles of the whole archive, minus its mean, over its standard deviation.

    nnU-Net's normalisation of CT (Isensee et al., Nature Methods 18, 2021), over every voxel instead of a sample.
    Voxels count at the nearest whole unit, -32768 .. 65535, so that volumes of any type add up; NaN and infinities
    do not count.

    Attributes
    ----------
    lower, upper : percentiles of what is looked at, over all volumes together
    within : the label map to look within: the foreground
    """

    lower: float = 0.5
    upper: float = 99.5
    within: str | None = None
    dtype: Literal["float16", "float32"] = "float32"

    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if not 0 <= self.lower < self.upper <= 100:
            raise ValueError("lower and upper must be percentiles: 0 <= lower < upper <= 100")
        if self.dtype not in ("float16", "float32"):
            raise ValueError("dtype must be float16 or float32")

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid, source.kind, np.dtype(self.dtype))

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> Survey:
        return Survey.of(volume.intensities, foreground(mask))

    def digest(self, total: Survey, source: Spec) -> Survey:
        """Raises Quarantine where the volume has no foreground."""
        if not total.n:
            raise Quarantine(Reason.NO_CONTRAST)
        return total.on(source.grid)

    def entry(self, total: Survey) -> dict[str, Any]:
        """``linear`` with numbers in it.  Raises RecipeError where nothing differs."""
        low, high, mean, sd = (*map(total.percentile, (self.lower, self.upper)), total.mean, total.sd)
        if low is None or high is None or mean is None or not sd:
            raise RecipeError("the voxels of these volumes are all equal: there is nothing to normalise by")
        fitted = Linear(mean, 1 / sd, low, high, dtype=self.dtype)
        return {"use": "linear", **{name: getattr(fitted, name) for name in ("base", "scale", "low", "high", "dtype")}}

    def numbers(self, total: Survey) -> dict[str, Any]:
        """nnU-Net's fingerprint of a data set: percentiles, mean and sd of the foreground, medians of the grids."""
        percentiles = {name: total.percentile(q) for name, q in PERCENTILES.items()}
        return {
            "n_voxels": total.n,
            "mean": total.mean,
            "sd": total.sd,
            **percentiles,
            "median_spacing_mm": list(total.median_spacing),
            "median_shape": list(total.median_shape),
        }
