"""Gamma, sometimes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline import chance
from pipeline.chance import Range
from pipeline.draws import Draw
from pipeline.stages.gamma import Gamma
from pipeline.volume import Spec


@dataclass(frozen=True)
class RandomGamma(Draw):
    """``gamma`` of an exponent drawn from ``exponent``: half of them below 1, where the range allows it.

    Attributes
    ----------
    exponent : range, above 0
    p : probability that a sample gets it
    lower, upper, inverted : as of ``gamma``

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    exponent: Range
    p: float = 1.0
    lower: float = 0.0
    upper: float = 1.0
    inverted: bool = False

    def __post_init__(self) -> None:
        chance.check(self.p, lowest=0.0, exponent=self.exponent)
        self._gamma(self.exponent[0])

    def draw(self, rng: np.random.Generator, source: Spec) -> Gamma | None:
        happens = chance.happens(rng, self.p)
        gamma = self._gamma(chance.factor(rng, self.exponent))
        return gamma if happens else None

    def _gamma(self, exponent: float) -> Gamma:
        return Gamma(exponent, self.lower, self.upper, self.inverted)
