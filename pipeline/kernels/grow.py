"""How far a region reaches from its seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.xp import Array, namespace


def within(region: Array, seeds: Sequence[tuple[int, int, int]], spacing: Sequence[float], radius_mm: float) -> bool:
    """Whether every voxel of a uint8 region [k, j, i] has a seed within ``radius_mm``, from centre to centre.

    seeds : indices (k, j, i)
    spacing : mm along k, j, i
    """
    xp = namespace(region)
    k2, j2, i2 = (
        [((np.arange(n) - seed[axis]) * spacing[axis]) ** 2 for seed in seeds] for axis, n in enumerate(region.shape)
    )
    limit = radius_mm * radius_mm + 1e-6  # mm2: what ``ball`` allows too
    for k, plane in enumerate(region):
        if not plane.any():
            continue
        far = plane != 0
        for n in range(len(seeds)):
            far &= xp.asarray(j2[n])[:, None] + xp.asarray(i2[n]) > limit - k2[n][k]
        if far.any():
            return False
    return True
