"""Contrast, sometimes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline import chance
from pipeline.chance import Range
from pipeline.draws import Draw
from pipeline.stages.contrast import Contrast
from pipeline.volume import Spec


@dataclass(frozen=True)
class RandomContrast(Draw):
    """``contrast`` of a factor drawn from ``factor``: half of them below 1, where the range allows it.

    Attributes
    ----------
    factor : range, at least 0
    center, lower, upper : as of ``contrast``
    p : probability that a sample gets it

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    factor: Range
    center: float
    lower: float | None = None
    upper: float | None = None
    p: float = 1.0

    def __post_init__(self) -> None:
        chance.check(self.p, lowest=0.0, factor=self.factor)
        self._contrast(self.factor[0])

    def draw(self, rng: np.random.Generator, source: Spec) -> Contrast | None:
        happens = chance.happens(rng, self.p)
        contrast = self._contrast(chance.factor(rng, self.factor))
        return contrast if happens else None

    def _contrast(self, factor: float) -> Contrast:
        return Contrast(factor, self.center, self.lower, self.upper)
