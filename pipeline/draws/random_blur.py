"""Gaussian smoothing, sometimes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline import chance
from pipeline.chance import Range
from pipeline.draws import Draw
from pipeline.stages.blur import Blur
from pipeline.volume import Spec


@dataclass(frozen=True)
class RandomBlur(Draw):
    """``blur`` of a sigma drawn from ``sigma_mm`` for each axis on its own.

    Attributes
    ----------
    sigma_mm : range, in mm
    p : probability that a sample gets it

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    sigma_mm: Range
    p: float = 1.0

    def __post_init__(self) -> None:
        chance.check(self.p, lowest=0.0, sigma_mm=self.sigma_mm)

    def draw(self, rng: np.random.Generator, source: Spec) -> Blur | None:
        happens = chance.happens(rng, self.p)
        k, j, i = (chance.uniform(rng, self.sigma_mm) for _ in range(3))
        return Blur((k, j, i)) if happens else None
