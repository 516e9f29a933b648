"""A coarser scan, sometimes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline import chance
from pipeline.chance import Range
from pipeline.draws import Draw
from pipeline.stages.low_resolution import LowResolution
from pipeline.volume import Spec


@dataclass(frozen=True)
class RandomLowResolution(Draw):
    """``low_resolution`` of one zoom for all axes, drawn from ``zoom``.

    Attributes
    ----------
    zoom : range, above 0 and at most 1
    order : as of ``low_resolution``
    p : probability that a sample gets it

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    zoom: Range
    order: Literal[1, 3] = 1
    p: float = 1.0

    def __post_init__(self) -> None:
        chance.check(self.p, lowest=0.0, zoom=self.zoom)
        for zoom in self.zoom:
            self._low_resolution(zoom)

    def draw(self, rng: np.random.Generator, source: Spec) -> LowResolution | None:
        happens = chance.happens(rng, self.p)
        low_resolution = self._low_resolution(chance.uniform(rng, self.zoom))
        return low_resolution if happens else None

    def _low_resolution(self, zoom: float) -> LowResolution:
        return LowResolution((zoom, zoom, zoom), self.order)
