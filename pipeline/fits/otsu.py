"""Otsu's threshold: foreground and background, told apart by the histogram alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.errors import Quarantine
from pipeline.fits import Fit
from pipeline.reasons import Reason
from pipeline.stages.threshold import Threshold
from pipeline.tally import Histogram
from pipeline.volume import Spec, Volume, foreground


@dataclass(frozen=True)
class Otsu(Fit):
    """Label 1 at and above the intensity that parts the histogram with the greatest variance between two classes.

    Otsu, IEEE Trans. Systems, Man, and Cybernetics 9(1), 1979, equation 18, over every value that occurs; of
    float32 over 65536 bins, 2^-7 apart, with the exact sum of each.  Of equals the lowest.  NaN and infinities are
    not looked at.

    Attributes
    ----------
    closing_mm, largest : as of ``threshold``
    within : the label map to look within; the threshold holds everywhere
    """

    closing_mm: float = 0.0
    largest: bool = False
    within: str | None = None

    def __post_init__(self) -> None:
        self._threshold(0.0)

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid, "labels", np.dtype("uint8"))

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> Histogram:
        return Histogram.of(volume.intensities, foreground(mask))

    def stage(self, total: Histogram, source: Spec) -> Threshold:
        """Raises Quarantine where there are no voxels to look at, or they all lie in one bin."""
        lower = total.otsu
        if lower is None:
            raise Quarantine(Reason.NO_CONTRAST)
        return self._threshold(lower)

    def _threshold(self, lower: float) -> Threshold:
        return Threshold(lower=lower, closing_mm=self.closing_mm, largest=self.largest)
