"""A smooth field of gains, sometimes: what a receiver coil does to an MR image."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite

import numpy as np

from pipeline import chance
from pipeline.chance import Range
from pipeline.draws import Draw
from pipeline.grid import Frame, Grid
from pipeline.kernels import philox
from pipeline.stages.biasfield import BiasField
from pipeline.volume import Spec

HEIGHT = 3.0
"""Standard deviation of control points over that of the spline, which averages over neighbours: (151 / 315) ** -1.5."""


@dataclass(frozen=True)
class RandomBiasfield(Draw):
    """``biasfield`` whose logarithm is a cubic B-spline through normal numbers, one each ``spacing_mm``.

    Attributes
    ----------
    sd : range of the standard deviation of the log of the field, to 6 %; 0 to 1.  With 0.2, a gain lies between 0.67
        and 1.5 in 95 % of places
    spacing_mm : between control points, at least 30: what is not smooth is no bias field
    p : probability that a sample gets it

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    sd: Range
    spacing_mm: float = 150.0
    p: float = 1.0

    def __post_init__(self) -> None:
        chance.check(self.p, lowest=0.0, sd=self.sd)
        if self.sd[1] > 1:
            raise ValueError("sd is of a logarithm: at most 1")
        if not (self.spacing_mm >= 30 and isfinite(self.spacing_mm)):
            raise ValueError("spacing_mm must be a finite number of at least 30")

    def draw(self, rng: np.random.Generator, source: Spec) -> BiasField | None:
        happens = chance.happens(rng, self.p)
        sd, key = chance.uniform(rng, self.sd), chance.key(rng)
        frame, spans = self._lattice(source.grid)
        heights = philox.normal(key, (0, 0, 0), [n + 3 for n in spans]) * np.float32(HEIGHT * sd)
        control = tuple(tuple(map(tuple, plane)) for plane in heights.tolist())
        return BiasField(control, frame) if happens else None

    def _lattice(self, grid: Grid) -> tuple[Frame, list[int]]:
        """A lattice along the axes of the grid from the centre of its first voxel, and the spans that cover it."""
        steps = [self.spacing_mm / mm for mm in grid.spacing]
        spans = [max(1, ceil((n - 1) / step)) for n, step in zip(grid.shape, steps, strict=True)]
        x, y, z, last = grid.affine.tolist()
        rows = [(*(c * step for c, step in zip(row[:3], steps, strict=True)), row[3]) for row in (x, y, z)]
        return (*rows, tuple(last)), spans
