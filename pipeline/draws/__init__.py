"""What augmentation draws from: random stages.  One file, one draw: this folder is the list.

A draw holds ranges and chances; for one sample of one volume it becomes a stage with numbers in it.  The
generator is keyed by (seed, volume, sample, draw), so that any worker makes any sample, in any order, alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from pipeline.parts import parts
from pipeline.stages import Stage
from pipeline.volume import Facts, Kind, Spec


@dataclass(frozen=True)
class Draw:
    """A rule ``random numbers -> Stage``; its fields are ranges and chances, and nothing else.

    Whatever is drawn has the ``spec`` of the draw itself: every sample lies on the grid that was planned.
    """

    version: ClassVar[int] = 1
    """Of the numbers it draws; part of the fingerprint, held by a golden hash."""

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    scratch: ClassVar[int] = 9
    """Bytes a voxel that what is drawn holds beside its source and its result, at most."""

    def spec(self, source: Spec) -> Spec:
        """What comes out of every stage that is drawn."""
        return source

    def resolve(self, facts: Facts) -> Draw:
        """The same draw with every default that depends on the volume filled in."""
        return self

    def draw(self, rng: np.random.Generator, source: Spec) -> Stage | None:
        """The stage of one sample; None where that sample is left as it is.

        All scalars come from ``rng.random()``, always the same number of them in the same order, so that no
        draw depends on what another one gave.  Noise of single voxels comes from a key that is drawn here.
        """
        raise TypeError(f"{type(self).__name__} does not say what it draws")


@cache
def available() -> dict[str, type[Draw]]:
    """Every draw, by the name of its file."""
    return parts(__name__, __path__, Draw)
