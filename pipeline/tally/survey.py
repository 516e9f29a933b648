"""What many volumes are like together: their voxels at whole units, their spacings and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import sqrt
from statistics import median

import numpy as np

from pipeline.grid import Grid, Triple
from pipeline.kernels import histogram

FIRST, LAST = -32768, 65535
"""The whole units that are told apart; what lies beyond counts as the nearer of them."""


@dataclass(frozen=True, eq=False)
class Survey:
    """How often each whole unit occurs, and how the volumes lie.

    ``of`` counts the voxels of a block; ``on``, of a finished volume, adds how it lies.  Order does not matter.

    Attributes
    ----------
    counts : int64 [LAST - FIRST + 1], of FIRST and so on
    spacings : mm along k, j, i, of each volume
    shapes : voxels along k, j, i, of each volume
    """

    counts: np.ndarray
    spacings: tuple[tuple[float, float, float], ...] = ()
    shapes: tuple[Triple, ...] = ()

    @classmethod
    def of(cls, x: np.ndarray, valid: np.ndarray | None = None) -> Survey:
        """The voxels of a block, or those where ``valid`` is 1; floats count at the nearest unit, half to even."""
        if x.dtype.kind == "f":
            finite = np.isfinite(x)
            valid = finite if valid is None else finite & valid
            return cls.of(np.clip(np.rint(np.where(finite, x, 0)), -32768, 32767).astype(np.int16), valid)
        counts = np.zeros(LAST - FIRST + 1, np.int64)
        units = histogram.values(x.dtype).astype(np.int64)
        counts[units - FIRST] = histogram.count(x, valid)[0][:, 0]
        return cls(counts)

    def on(self, grid: Grid) -> Survey:
        """The same of a volume that lies on ``grid``."""
        return replace(self, spacings=(grid.spacing,), shapes=(grid.shape,))

    def __add__(self, other: Survey) -> Survey:
        spacings, shapes = self.spacings + other.spacings, self.shapes + other.shapes
        return Survey(self.counts + other.counts, tuple(sorted(spacings)), tuple(sorted(shapes)))

    @property
    def n(self) -> int:
        """Voxels that count."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float | None:
        """Exact, rounded once."""
        total, _ = self._sums
        return float(Fraction(total, self.n)) if self.n else None

    @property
    def sd(self) -> float | None:
        """Of these very voxels (divisor n); the variance is exact and rounded once."""
        total, squares = self._sums
        return sqrt(Fraction(self.n * squares - total * total, self.n**2)) if self.n else None

    def percentile(self, q: float) -> float | None:
        """Linear between neighbours (NumPy's ``linear``)."""
        if not self.n:
            return None
        rank, rest = divmod(Fraction(q) * (self.n - 1), 100)
        upto = np.cumsum(self.counts)
        low, high = (int(np.searchsorted(upto, min(r, self.n - 1), side="right")) for r in (rank, rank + 1))
        return float(FIRST + low + (high - low) * rest / 100)

    @property
    def median_spacing(self) -> tuple[float, ...]:
        """Median over the volumes, axis by axis: mm along k, j, i; empty where there are none."""
        return _medians(self.spacings)

    @property
    def median_shape(self) -> tuple[float, ...]:
        """Median over the volumes, axis by axis: voxels along k, j, i; empty where there are none."""
        return _medians(self.shapes)

    @property
    def _sums(self) -> tuple[int, int]:
        at = np.flatnonzero(self.counts)
        pairs = list(zip((at + FIRST).tolist(), self.counts[at].tolist(), strict=True))
        return sum(v * n for v, n in pairs), sum(v * v * n for v, n in pairs)


def _medians(triples: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(float(median(axis)) for axis in zip(*triples, strict=True))
