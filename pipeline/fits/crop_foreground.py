"""A crop to what there is to see."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite
from typing import ClassVar

import numpy as np

from pipeline.errors import Quarantine
from pipeline.fits import Fit
from pipeline.kernels.threshold import between
from pipeline.reasons import Reason
from pipeline.stages import Stage
from pipeline.stages.crop import Crop
from pipeline.tally import Extent, Extents
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class CropForeground(Fit):
    """The smallest box that holds the foreground, and a margin.

    The foreground is all that is brighter than ``above``, or the label map ``within``, or both at once: the body
    without the table, say, where ``within`` is the largest component of a threshold.

    Attributes
    ----------
    above : intensity; voxels that are brighter are foreground.  None: all of ``within``
    margin_mm : added on both sides along k, j, i, in whole voxels, rounded up, as far as the volume goes
    within : name of a label map on the same grid; its voxels that are not 0 count

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be, or if neither ``above`` nor ``within`` is given.
    """

    above: float | None = None
    margin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    within: str | None = None

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if self.above is None and self.within is None:
            raise ValueError("crop_foreground needs above, within or both")
        if self.above is not None and not isfinite(self.above):
            raise ValueError("above must be a finite number")
        if not all(isfinite(mm) and mm >= 0 for mm in self.margin_mm):
            raise ValueError("margin_mm must be finite and at least 0")

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> Extent:
        """Where the foreground of a block lies, on the lattice."""
        found = np.ones(volume.grid.shape, np.uint8) if mask is None else (mask.array != 0).view(np.uint8)
        if self.above is not None:
            found &= _brighter(volume.intensities, self.above)
        return Extents.of(found, volume.grid).by_label.get(1, Extent())

    def stage(self, total: Extent, source: Spec) -> Stage:
        """Raises Quarantine where there is no foreground."""
        if not total.n_voxels:
            raise Quarantine(Reason.NOTHING_LEFT)
        a, b, c = source.grid.start
        (k, j, i), (end_k, end_j, end_i) = total.start, total.stop
        return Crop(start=(k - a, j - b, i - c), stop=(end_k - a, end_j - b, end_i - c), margin_mm=self.margin_mm)


def _brighter(x: np.ndarray, above: float) -> np.ndarray:
    """uint8, 1 where x > above: exact in integers, in floats with the bound rounded to their type."""
    if x.dtype.kind in "iu":
        return between(x, lower=floor(above) + 1)
    return (x > x.dtype.type(above)).view(np.uint8)
