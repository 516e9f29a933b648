"""How the intensities of an image are distributed: exact moments and order statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import sqrt

import numpy as np

from pipeline.kernels import histogram

PERCENTILES: Mapping[str, float] = {"p0_5": 0.5, "p1": 1, "p5": 5, "p50": 50, "p95": 95, "p99": 99, "p99_5": 99.5}
"""The percentiles of the report, by the names that they have there."""

_UNITS = {np.dtype("float16"): 2.0**24, np.dtype("float32"): 2.0**149}
"""Multiplied by it every finite number of the type is whole (IEEE 754: one over the lowest subnormal)."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """How often each value occurs.

    Types of up to 16 bits have one bin a value.  A bin of float32 holds 65536 values, and order statistics
    need a second pass over the same voxels; other types add a zero there::

        total = sum of Histogram.of(x, valid) over the blocks
        total = total + sum of total.detail(x, valid) over the blocks

    Examples
    --------
    >>> h = Histogram.of(np.array([1, 2, 2], np.int16)) + Histogram.of(np.array([7], np.int16))
    >>> h.n, h.min, h.mean, h.max, h.percentile(50)
    (4, 1.0, 3.0, 7.0, 2.0)

    Attributes
    ----------
    dtype : of the voxels
    counts : int64 [bins, 1], of float32 with sums [bins, 3]; see ``kernels.histogram.count``
    n_nan, n_inf : voxels that are NaN, or infinite; they are in no bin
    within : of some float32 bins, int64 [65536]: voxels by lower half key
    """

    dtype: np.dtype
    counts: np.ndarray
    n_nan: int = 0
    n_inf: int = 0
    within: Mapping[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def zero(cls, dtype: np.dtype) -> Histogram:
        """No voxels of that type."""
        return cls.of(np.zeros(0, dtype))

    @classmethod
    def of(cls, x: np.ndarray, valid: np.ndarray | None = None, *, sums: bool = True) -> Histogram:
        """All voxels of an array, or those where ``valid`` (uint8 or bool, same shape) is 1.

        Without ``sums`` a float32 histogram takes a third of the time and has no mean and no sd.
        """
        return cls(x.dtype, *histogram.count(x, valid, sums))

    def detail(
        self,
        x: np.ndarray,
        valid: np.ndarray | None = None,
        percentiles: Iterable[float] | None = None,
        fullest: int = 0,
    ) -> Histogram:
        """To be added to the finished sum: what it still needs to know of these voxels.

        That is for min, max and PERCENTILES, or for those ``percentiles`` that are named, and for ``distinct`` of that
        many of the ``fullest`` bins.
        """
        keys: tuple[int, ...] = ()
        if self._coarse and self.n:
            ranks = self._ranks(PERCENTILES.values(), (0, 100)) if percentiles is None else self._ranks(percentiles)
            most = np.argsort(-self.counts[:, 0], kind="stable")[:fullest].tolist()
            keys = tuple(sorted({*map(self._bin, ranks), *most}))
        rows = histogram.detail(x, keys, valid) if keys else ()
        return Histogram(self.dtype, np.zeros_like(self.counts), within=dict(zip(keys, rows, strict=True)))

    def __add__(self, other: Histogram) -> Histogram:
        if self.dtype != other.dtype:
            raise TypeError(f"histograms of {self.dtype} and {other.dtype} do not add up")
        if self.counts.shape != other.counts.shape:
            raise TypeError("histograms with and without sums do not add up")
        within = dict(self.within)
        for key, row in other.within.items():
            within[key] = within[key] + row if key in within else row
        counts = self.counts + other.counts
        return Histogram(self.dtype, counts, self.n_nan + other.n_nan, self.n_inf + other.n_inf, within)

    @cached_property
    def n(self) -> int:
        """Finite voxels."""
        return int(self.counts[:, 0].sum())

    @property
    def min(self) -> float | None:
        return self._value(0) if self.n else None

    @property
    def max(self) -> float | None:
        return self._value(self.n - 1) if self.n else None

    @property
    def mean(self) -> float | None:
        """The exact mean, rounded once."""
        total, _, unit = self._sums
        return float(Fraction(total, self.n * unit)) if self.n else None

    @property
    def sd(self) -> float | None:
        """Standard deviation of these very voxels (divisor n); the variance is exact and rounded once."""
        total, squares, unit = self._sums
        return sqrt(Fraction(self.n * squares - total * total, (self.n * unit) ** 2)) if self.n else None

    def percentile(self, q: float) -> float | None:
        """The value that ``q`` % of the voxels lie below, linear between neighbours (NumPy's ``linear``).

        Raises ValueError where a float32 histogram lacks the detail for it.
        """
        if not self.n:
            return None
        rank, rest = divmod(Fraction(q) * (self.n - 1), 100)
        below = self._value(rank)
        return below + (self._value(rank + 1) - below) * float(rest / 100) if rest else below

    @property
    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """float64 and int64 ``[m]``: values that occur, rising, and how often.

        A bin of float32 that was not looked into stands for all of its values by the highest of them.
        """
        whole = np.setdiff1d(self._at, list(self.within))
        values = [self._values[whole] + 65535 * histogram.steps(self.dtype)[whole]]
        voxels = [self.counts[whole, 0]]
        for key, row in self.within.items():
            at = np.flatnonzero(row)
            values.append(histogram.detail_values(key)[at])
            voxels.append(row[at])
        value, n = np.concatenate(values), np.concatenate(voxels)
        order = np.argsort(value, kind="stable")
        return value[order], n[order]

    @property
    def otsu(self) -> float | None:
        """The lowest value of the upper of those two classes between which the variance is greatest.

        Of equals the lowest, None where all is equal.  Otsu, IEEE Trans. Systems, Man, and Cybernetics 9(1), 1979,
        equation 18: but for a constant ``(n s(t) - n(t) s)^2 / (n(t) (n - n(t)))``, with n(t) voxels of sum s(t) in
        the bins up to t.
        """
        self._need_sums()
        low, voxels = self._values[self._at], self.counts[self._at, 0]
        # Counted from the lowest value: that leaves the variance as it is, and the sums small.
        sums = voxels * (low - low[:1])
        if self._coarse:
            sums += histogram.steps(self.dtype)[self._at] * self.counts[self._at, 1]
        upto, below = np.cumsum(voxels)[:-1].astype(float), np.cumsum(sums)
        variance = (self.n * below[:-1] - upto * below[-1:]) ** 2 / (upto * (self.n - upto))
        return float(low[np.argmax(variance) + 1]) if variance.any() else None

    @property
    def _coarse(self) -> bool:
        """Whether a bin holds more than one value."""
        return self.dtype == np.float32

    def _ranks(self, *percentiles: Iterable[float]) -> set[int]:
        """Ranks that percentiles look at."""
        if not self.n:
            return set()
        lower = [Fraction(q) * (self.n - 1) // 100 for some in percentiles for q in some]
        return {rank for at in lower for rank in (at, at + 1) if rank < self.n}

    @property
    def _at(self) -> np.ndarray:
        """The bins that have any voxels."""
        return np.flatnonzero(self.counts[:, 0])

    def _need_sums(self) -> None:
        if self._coarse and self.counts.shape[1] == 1:
            raise ValueError("this histogram was made without sums")

    @cached_property
    def _upto(self) -> np.ndarray:
        """Voxels up to each bin and in it."""
        return np.cumsum(self.counts[:, 0])

    @cached_property
    def _values(self) -> np.ndarray:
        return histogram.values(self.dtype)

    def _bin(self, rank: int) -> int:
        return int(np.searchsorted(self._upto, rank, side="right"))

    def _value(self, rank: int) -> float:
        """The value at a rank, counted from 0."""
        key = self._bin(rank)
        if not self._coarse:
            return float(self._values[key])
        if key not in self.within:
            raise ValueError("order statistics of float32 need the detail of their bins")
        upto = np.cumsum(self.within[key])
        before = self._upto[key] - self.counts[key, 0]
        return float(histogram.detail_values(key)[np.searchsorted(upto, rank - before, side="right")])

    @cached_property
    def _sums(self) -> tuple[int, int, int]:
        """``(sum, sum of squares, unit)``: exact, of the values multiplied by the unit."""
        self._need_sums()
        unit = _UNITS.get(self.dtype, 1.0)
        steps = histogram.steps(self.dtype)
        total = squares = 0
        for key in np.flatnonzero(self.counts[:, 0]):
            n, low, low_squares = (*self.counts[key].tolist(), 0, 0)[:3]
            base, step = int(self._values[key] * unit), int(steps[key] * unit)
            total += n * base + step * low
            squares += n * base * base + 2 * base * step * low + step * step * low_squares
        return total, squares, int(unit)
