"""Brightness, sometimes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline import chance
from pipeline.chance import Range
from pipeline.draws import Draw
from pipeline.stages.brightness import Brightness
from pipeline.volume import Spec


@dataclass(frozen=True)
class RandomBrightness(Draw):
    """``brightness`` of a factor and a shift: half of the factors lie below 1, where the range allows it.

    Attributes
    ----------
    factor : range, at least 0
    shift : range, in the units of the image
    p : probability that a sample gets it

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    factor: Range = (1.0, 1.0)
    shift: Range = (0.0, 0.0)
    p: float = 1.0

    def __post_init__(self) -> None:
        chance.check(self.p, lowest=0.0, factor=self.factor)
        chance.check(self.p, shift=self.shift)

    def draw(self, rng: np.random.Generator, source: Spec) -> Brightness | None:
        happens = chance.happens(rng, self.p)
        factor, shift = chance.factor(rng, self.factor), chance.uniform(rng, self.shift)
        return Brightness(factor, shift) if happens else None
