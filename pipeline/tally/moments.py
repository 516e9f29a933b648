"""Number, range, mean and standard deviation of voxels: what a z-score needs, in less than a histogram's time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf, sqrt

import numpy as np

from pipeline.kernels import moments


@dataclass(frozen=True)
class Moments:
    """Sums of voxels that are finite; NaN and infinities are left out.

    Integers of up to 16 bits are summed exactly.  Floats need a second pass over the same voxels, since the
    step of their fixed point, at most 2^-26 of the largest magnitude, rests on the range of them all::

        total = sum of Moments.of(x, valid) over the blocks
        total = total + sum of total.detail(x, valid) over the blocks

    Examples
    --------
    >>> m = Moments.of(np.array([1, 2], np.int16)) + Moments.of(np.array([6], np.int16))
    >>> m.n, m.low, m.high, m.mean
    (3, 1.0, 6.0, 3.0)

    Attributes
    ----------
    dtype : of the voxels
    n : finite voxels
    low, high : the lowest and the highest of them; inf and -inf where there are none
    total, squares : sum and sum of squares in whole steps; None of floats before ``detail``
    """

    dtype: np.dtype
    n: int = 0
    low: float = inf
    high: float = -inf
    total: int | None = None
    squares: int | None = None

    @classmethod
    def of(cls, x: np.ndarray, valid: np.ndarray | None = None) -> Moments:
        """All voxels of an array, or those where ``valid`` (uint8 of 0 and 1, or bool; same shape) is 1."""
        if x.dtype.kind == "f":
            return cls(x.dtype, *moments.extremes(x, valid))
        n, low, high, total, squares = moments.whole_sums(x, valid)
        return cls(x.dtype, n, float(low), float(high), total, squares) if n else cls(x.dtype, total=0, squares=0)

    def detail(self, x: np.ndarray, valid: np.ndarray | None = None) -> Moments:
        """To be added to the finished sum; of integers there is nothing to add."""
        if not self.n or self.dtype.kind != "f":
            return Moments(self.dtype)
        return Moments(self.dtype, 0, inf, -inf, *moments.fixed_sums(x, self.exponent, valid))

    def __add__(self, other: Moments) -> Moments:
        if self.dtype != other.dtype:
            raise TypeError(f"moments of {self.dtype} and {other.dtype} do not add up")
        return replace(
            self,
            n=self.n + other.n,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            total=_sum(self.total, other.total),
            squares=_sum(self.squares, other.squares),
        )

    @property
    def exponent(self) -> int:
        """A step is ``2 ** -exponent``."""
        return moments.exponent(max(abs(self.low), abs(self.high))) if self.dtype.kind == "f" else 0

    @property
    def mean(self) -> float | None:
        """The mean of the voxels in steps, rounded once; None where there are none."""
        return float(Fraction(self._sums[0], self.n) / self._unit) if self.n else None

    @property
    def sd(self) -> float | None:
        """Standard deviation of these very voxels (divisor n), rounded once; None where there are none."""
        if not self.n:
            return None
        total, squares = self._sums
        return sqrt(Fraction(self.n * squares - total * total, self.n**2) / self._unit**2)

    @property
    def _unit(self) -> Fraction:
        return Fraction(2) ** self.exponent

    @property
    def _sums(self) -> tuple[int, int]:
        if self.total is None or self.squares is None:
            raise ValueError("the mean of floats needs the detail of their sums")
        return self.total, self.squares


def _sum(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b
