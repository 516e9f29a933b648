"""Three numbers at a time: plain float arithmetic, the same bits on every CPU."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, degrees, fsum, sqrt

Vector = tuple[float, float, float]


def vector(values: Sequence[float]) -> Vector:
    """Three numbers as a vector."""
    x, y, z = map(float, values)
    return x, y, z


def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product, right-handed."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def length(a: Vector) -> float:
    """Euclidean length."""
    return sqrt(dot(a, a))


def scaled(a: Vector, by: float) -> Vector:
    """``a`` times a number."""
    return a[0] * by, a[1] * by, a[2] * by


def unit(a: Vector) -> Vector:
    """The direction of ``a``.  Raises ZeroDivisionError where it has none."""
    return scaled(a, 1 / length(a))


def across(a: Vector, axis: Vector) -> float:
    """How far ``a`` leads away from the line along the unit vector ``axis``."""
    x, y, z = scaled(axis, dot(a, axis))
    return length((a[0] - x, a[1] - y, a[2] - z))


def angle(a: Vector, b: Vector) -> float:
    """Degrees between two vectors, to 6 decimals: the last bits of an arc tangent differ between C libraries."""
    return round(degrees(atan2(length(cross(a, b)), dot(a, b))), 6)


def obliquity(a: Vector) -> float:
    """Degrees between ``a`` and the patient axis nearest to it, to 6 decimals."""
    near = max(range(3), key=lambda n: abs(a[n]))
    aside = sqrt(fsum(x * x for n, x in enumerate(a) if n != near))
    return round(degrees(atan2(aside, abs(a[near]))), 6)


def mean(values: Sequence[float]) -> float:
    """Exact where all are equal, and the same in any order (``fsum`` rounds once)."""
    low = float(min(values))
    return low + fsum(v - low for v in values) / len(values)


def deviation(values: Sequence[float]) -> float:
    """Population standard deviation; the same in any order."""
    middle = mean(values)
    return sqrt(fsum((v - middle) ** 2 for v in values) / len(values))
