"""Noise, sometimes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline import chance
from pipeline.chance import Range
from pipeline.draws import Draw
from pipeline.stages.noise import Noise
from pipeline.volume import Spec


@dataclass(frozen=True)
class RandomNoise(Draw):
    """``noise`` of a standard deviation drawn from ``sd``, with a key of its own for every sample.

    Attributes
    ----------
    sd : range, in the units of the image
    p : probability that a sample gets it
    model, air, water : as of ``noise``

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    sd: Range
    p: float = 1.0
    model: Literal["gaussian", "rician", "poisson"] = "gaussian"
    air: float = -1000.0
    water: float = 0.0

    def __post_init__(self) -> None:
        chance.check(self.p, lowest=0.0, sd=self.sd)
        self._noise(self.sd[0], 0)

    def draw(self, rng: np.random.Generator, source: Spec) -> Noise | None:
        happens = chance.happens(rng, self.p)
        noise = self._noise(chance.uniform(rng, self.sd), chance.key(rng))
        return noise if happens else None

    def _noise(self, sd: float, key: int) -> Noise:
        return Noise(sd, key, self.model, self.air, self.water)
