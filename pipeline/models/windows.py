"""Windows that slide over a grid: where they lie and how much each of their voxels counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import product
from math import ceil
from typing import Literal

import numpy as np

from pipeline.grid import Grid, Triple

_BITS = 30
"""Of a weight along an axis: the last ones of one machine's ``exp`` are no other's."""


def starts(length: int, patch: int, overlap: float) -> tuple[int, ...]:
    """First voxels of the windows along an axis: evenly spread, the first at the one end, the last at the other.

    As few as leave no more than ``patch * (1 - overlap)`` voxels between two, as nnU-Net spreads them (Isensee et al.,
    Nature Methods 18, 2021).  A shorter axis has one window that sticks out on both sides.

    >>> starts(10, 4, 0.5)
    (0, 2, 4, 6)
    >>> starts(3, 8, 0.5)
    (-2,)
    """
    if length <= patch:
        return (-((patch - length) // 2),)
    steps = ceil(Fraction(length - patch) / max(Fraction(1), patch * (1 - Fraction(str(overlap)))))
    return tuple(round(Fraction(n * (length - patch), steps)) for n in range(steps + 1))


@lru_cache(maxsize=16)
def weights(patch: Triple, peak: Literal["middle", "voxel"] = "middle") -> np.ndarray:
    """float32 ``[k, j, i]``, read-only: a Gaussian with an sd of an eighth of the patch; what lies near the border of a
    patch is seen worst.

    peak : where it is 1: in the ``middle``, and then nowhere below 0.001, as MONAI has it; or on ``voxel`` n // 2 of n
        and falling further, as nnU-Net has it (as above)
    """
    axes = []
    for n in patch:
        x = (np.arange(n) - ((n - 1) / 2 if peak == "middle" else n // 2)) / (n / 8)
        axes.append(_rounded(np.exp(-x * x / 2)))
    k, j, i = axes
    whole = k[:, None, None] * j[:, None] * i
    made = (np.maximum(whole, 1e-3) if peak == "middle" else whole).astype(np.float32)
    made.flags.writeable = False
    return made


def _rounded(x: np.ndarray) -> np.ndarray:
    """To ``_BITS`` bits, however small."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.rint(mantissa * 2**_BITS) / 2**_BITS, exponent)


@dataclass(frozen=True)
class Windows:
    """All windows of a grid, layer by layer along the axis on which they are most, so that a result can be let go.

    ::

        layers   [=====]                 a voxel is finished when no later layer begins before it:
                    [=====]              what is held is one layer, not the volume
                       [=====]

    Attributes
    ----------
    grid : of the network
    patch : voxels along k, j, i
    overlap : part of a patch that its neighbour looks at too
    peak : of their weights, see ``weights``
    """

    grid: Grid
    patch: Triple
    overlap: float
    peak: Literal["middle", "voxel"] = "middle"

    @cached_property
    def starts(self) -> tuple[tuple[int, ...], ...]:
        """Along k, j, i: lattice indices of the windows' first voxels."""
        axes = zip(self.grid.start, self.grid.shape, self.patch, strict=True)
        return tuple(tuple(first + at for at in starts(n, p, self.overlap)) for first, n, p in axes)

    @cached_property
    def axis(self) -> int:
        """Along which layers follow one another: the one with most windows, of equals the first."""
        counts = [len(at) for at in self.starts]
        return counts.index(max(counts))

    def layers(self, region: Grid) -> list[list[Grid]]:
        """Windows that reach into a region, in order: layer after layer, each in C order.  They may stick out."""
        chosen = [
            [at for at in axis if at < stop and at + n > start]
            for axis, n, start, stop in zip(self.starts, self.patch, region.start, region.stop, strict=True)
        ]
        found = []
        for first in chosen[self.axis]:
            axes: list[Sequence[int]] = [*chosen]
            axes[self.axis] = [first]
            found.append([self._window(at) for at in product(*axes)])
        return found

    def hull(self, region: Grid) -> Grid:
        """What of the grid the windows of a region look at."""
        corners = [window for layer in self.layers(region) for window in (layer[0], layer[-1])]
        hull = corners[0]
        for window in corners[1:]:
            hull = hull.hull(window)
        return self.grid.clip(hull)

    def _window(self, at: Sequence[int]) -> Grid:
        return self.grid.between(at, [a + n for a, n in zip(at, self.patch, strict=True)])


def cut(array: np.ndarray, grid: Grid, window: Grid) -> np.ndarray:
    """The voxels of a window, C-contiguous, of an array on ``grid``; 0 where it sticks out, as nnU-Net pads."""
    inside = grid.clip(window)
    part = array[grid.slices(inside)]
    if inside == window:
        return np.ascontiguousarray(part)
    made = np.zeros(window.shape, array.dtype)
    made[window.slices(inside)] = part
    return made
