"""Nyul's standard scale: MR intensities that mean the same in every volume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np

from pipeline.errors import Quarantine, RecipeError
from pipeline.fits import ArchiveFit
from pipeline.reasons import Reason
from pipeline.stages.landmarks import Landmarks
from pipeline.tally import Histogram
from pipeline.volume import Spec, Volume, foreground

PERCENTILES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
"""Of the landmarks: the deciles between the ends of the range of interest."""

SCALE = (1, 100)
"""Where the outermost landmarks lie on the standard scale."""

ONE = 1 << 40
"""1 on the standard scale in the fixed point in which landmarks are summed."""


@dataclass(frozen=True)
class Nyul(ArchiveFit):
    """Landmarks of the volume, its percentiles 1, 10, 20 ... 90, 99, become those of ``standard``; lines join them.

    Nyul, Udupa, Zhang, IEEE Trans. Medical Imaging 19(2), 2000.  Beyond the outermost landmarks the lines go on.
    Percentiles of one value count as the highest of them.  NaN and infinities are not looked at.

    Fitted over an archive it becomes itself with a ``standard``: the mean, over the volumes, of their landmarks
    after a line has brought the outermost ones to 1 and 100.

    Attributes
    ----------
    standard : 11 rising intensities; None: only to be fitted over an archive
    within : the label map to look within, for MR that of the body; what lies outside goes through the same map
    """

    standard: tuple[float, ...] | None = None
    within: str | None = None
    dtype: Literal["float16", "float32"] = "float32"

    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if self.dtype not in ("float16", "float32"):
            raise ValueError("dtype must be float16 or float32")
        if self.standard is not None:
            if len(self.standard) != len(PERCENTILES):
                raise ValueError(f"standard must be {len(PERCENTILES)} intensities")
            Landmarks(self.standard, tuple(map(float, PERCENTILES)))

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    @property
    def open(self) -> bool:
        return self.standard is None

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> Histogram:
        return Histogram.of(volume.intensities, foreground(mask), sums=False)

    def detail(self, total: Histogram, volume: Volume, mask: Volume | None, source: Spec) -> Histogram:
        return total.detail(volume.intensities, foreground(mask), PERCENTILES)

    def stage(self, total: Histogram, source: Spec) -> Landmarks:
        """Raises Quarantine where the volume has no two landmarks, RecipeError where there is no standard."""
        if self.standard is None:
            raise RecipeError("nyul needs a standard: fit one over the archive")
        known = dict(
            zip(map(np.float32, landmarks(total)), zip(landmarks(total), self.standard, strict=True), strict=True)
        )
        if len(known) < 2:
            raise Quarantine(Reason.NO_CONTRAST)
        source_marks, target_marks = zip(*known.values(), strict=True)
        return Landmarks(source_marks, target_marks, dtype=self.dtype)

    def digest(self, total: Histogram, source: Spec) -> Standard:
        """The landmarks of one volume.  Raises Quarantine where the outermost are one."""
        marks = [Fraction(mark) for mark in landmarks(total)]
        low, high = marks[0], marks[-1]
        if low == high:
            raise Quarantine(Reason.NO_CONTRAST)
        first, last = SCALE
        return Standard(1, tuple(round(ONE * (first + (mark - low) * (last - first) / (high - low))) for mark in marks))

    def entry(self, total: Standard) -> dict[str, Any]:
        """This fit with the standard in it.  Raises RecipeError where the landmarks of all volumes coincide."""
        try:
            fitted = replace(self, standard=total.mean)
        except ValueError:
            raise RecipeError("these volumes have no standard scale: some of their landmarks coincide") from None
        return {"use": "nyul", "standard": list(total.mean), "within": fitted.within, "dtype": fitted.dtype}


@dataclass(frozen=True)
class Standard:
    """Landmarks of some volumes on the standard scale.

    Attributes
    ----------
    volumes : how many
    sums : of each landmark over the volumes, in units of 1 / ONE
    """

    volumes: int
    sums: tuple[int, ...]

    def __add__(self, other: Standard) -> Standard:
        sums = (a + b for a, b in zip(self.sums, other.sums, strict=True))
        return Standard(self.volumes + other.volumes, tuple(sums))

    @property
    def mean(self) -> tuple[float, ...]:
        """The standard that these volumes have in common."""
        return tuple(total / (self.volumes * ONE) for total in self.sums)


def landmarks(total: Histogram) -> tuple[float, ...]:
    """The PERCENTILES of a histogram with their detail.  Raises Quarantine where it holds no voxels."""
    found = [total.percentile(q) for q in PERCENTILES]
    if None in found:
        raise Quarantine(Reason.NO_CONTRAST)
    return tuple(value for value in found if value is not None)
