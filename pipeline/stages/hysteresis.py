"""Segmentation by two ranges of intensities, one within the other."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels.components import find
from pipeline.kernels.threshold import between
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Hysteresis(Stage):
    """Label 1 in the wide range, wherever a path in it leads to a voxel of the narrow range.

    The rule of J. Canny, A computational approach to edge detection, IEEE Trans. PAMI 8(6), 1986, for intensities.
    A path may lead through the whole volume: the reach is all of it.

    Attributes
    ----------
    lower, upper : the narrow range, both inclusive, in the units of the image; one of them may be None
    wide_lower, wide_upper : the wide range; None: the bound of the narrow one
    connectivity : 6: a path goes from face to face; 26: over corners too

    Raises
    ------
    ValueError
        If a range has no bound, a number is not finite, or the narrow range does not lie within the wide one.
    """

    lower: float | None = None
    upper: float | None = None
    wide_lower: float | None = None
    wide_upper: float | None = None
    connectivity: Literal[6, 26] = 6

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        given = (self.wide_lower, self.lower, self.upper, self.wide_upper)
        if not all(bound is None or isfinite(bound) for bound in given):
            raise ValueError("the bounds of hysteresis are finite numbers")
        if self.lower is None and self.upper is None:
            raise ValueError("hysteresis needs lower, upper or both")
        if (self.lower is None and self.wide_lower is not None) or (self.upper is None and self.wide_upper is not None):
            raise ValueError("wide_lower goes with lower, wide_upper with upper")
        (wide_lower, wide_upper), low, high = self._wide, self.lower, self.upper
        bounds = [-inf if wide_lower is None else wide_lower, -inf if low is None else low]
        bounds += [inf if high is None else high, inf if wide_upper is None else wide_upper]
        if bounds != sorted(bounds):
            raise ValueError("hysteresis needs wide_lower <= lower <= upper <= wide_upper")
        if self.connectivity not in (6, 26):
            raise ValueError("connectivity must be 6 or 26")

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid, "labels", np.dtype("uint8"))

    def reach(self, piece: Grid, source: Spec) -> Grid:
        return source.grid

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        found = find(between(volume.intensities, *self._wide), self.connectivity)
        chosen = found.meeting(between(volume.intensities, self.lower, self.upper))
        return Volume(found.paint(chosen.astype(np.uint8)), volume.grid, "labels").crop_to(piece)

    @property
    def _wide(self) -> tuple[float | None, float | None]:
        lower = self.lower if self.wide_lower is None else self.wide_lower
        upper = self.upper if self.wide_upper is None else self.wide_upper
        return lower, upper
