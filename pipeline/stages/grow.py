"""Region growing from seeds."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import Quarantine
from pipeline.grid import Grid, Triple
from pipeline.kernels.components import find
from pipeline.kernels.grow import within
from pipeline.kernels.threshold import between
from pipeline.reasons import Reason
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume
from pipeline.xp import namespace


@dataclass(frozen=True)
class Grow(Stage):
    """Label 1 where ``lower <= intensity <= upper`` and a path of such voxels leads to a seed.

    A path may lead through the whole volume: the reach is all of it.  A region that leaks is refused, not cut.

    Attributes
    ----------
    seeds : points in the patient, LPS mm (x, y, z); each stands for the voxel that it lies in
    lower, upper : bounds, both inclusive, in the units of the image; one of them may be None
    connectivity : 6: a path goes from face to face; 26: over corners too
    max_ml : a larger region has leaked; None: no limit
    max_mm : a region with a voxel farther than this from every seed has leaked; None: no limit.  From centre to
        centre, as if the axes were orthogonal

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    seeds: tuple[tuple[float, float, float], ...]
    lower: float | None = None
    upper: float | None = None
    connectivity: Literal[6, 26] = 6
    max_ml: float | None = None
    max_mm: float | None = None

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if not self.seeds or not all(len(seed) == 3 and all(map(isfinite, seed)) for seed in self.seeds):
            raise ValueError("seeds must be one point at least, each three finite numbers: x, y, z in LPS mm")
        given = [bound for bound in (self.lower, self.upper) if bound is not None]
        if not given or given != sorted(given) or not all(map(isfinite, given)):
            raise ValueError("grow needs lower, upper or both, finite, lower <= upper")
        if self.connectivity not in (6, 26):
            raise ValueError("connectivity must be 6 or 26")
        for name, limit in (("max_ml", self.max_ml), ("max_mm", self.max_mm)):
            if limit is not None and not (isfinite(limit) and limit > 0):
                raise ValueError(f"{name} must be a finite number above 0")

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid, "labels", np.dtype("uint8"))

    def reach(self, piece: Grid, source: Spec) -> Grid:
        return source.grid

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        """The part of the region on the piece.

        Raises Quarantine where a seed lies outside the volume or has an intensity out of range, or the region leaks.
        """
        seeds = [_voxel(seed, source.grid) for seed in self.seeds]
        mask = between(volume.intensities, self.lower, self.upper)
        if not all(mask[seed] for seed in seeds):
            raise Quarantine(Reason.SEED_MISMATCH)
        at_seeds = namespace(mask).zeros_like(mask)
        for seed in seeds:
            at_seeds[seed] = 1
        found = find(mask, self.connectivity)
        chosen = found.meeting(at_seeds)
        if self.max_ml is not None and found.sizes()[chosen].sum() * source.grid.voxel_mm3 > self.max_ml * 1000:
            raise Quarantine(Reason.REGION_LEAK)
        region = found.paint(chosen.astype(np.uint8))
        if self.max_mm is not None and not within(region, seeds, source.grid.spacing, self.max_mm):
            raise Quarantine(Reason.REGION_LEAK)
        return Volume(region, volume.grid, "labels").crop_to(piece)


def _voxel(seed: tuple[float, float, float], grid: Grid) -> Triple:
    """The voxel of the grid that a point lies in; on the face between two, the upper one."""
    k, j, i = (floor(n + 0.5) for n in grid.index(seed))
    if not all(0 <= n < length for n, length in zip((k, j, i), grid.shape, strict=True)):
        raise Quarantine(Reason.SEED_OUTSIDE)
    return k, j, i
