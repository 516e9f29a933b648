"""How the values of one metric are spread, as numbers that a template can draw: box, points, limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WIDTH = 320
"""Of a drawing, in its own units; the page scales it."""

POINTS = 200
"""Points drawn at most: the extremes, and others evenly by rank."""

_INSET = 8
_LANES = 5


@dataclass(frozen=True)
class Point:
    """A dot; ``lane`` (0 to 4) keeps neighbours from hiding one another."""

    x: float
    lane: int
    value: float


@dataclass(frozen=True)
class Strip:
    """The spread of a metric.

    Attributes
    ----------
    n, missing : values, and nulls beside them
    low, median, high : of the values
    box : x of percentiles 5, 25, 50, 75, 95 (linear between ranks)
    points : at most ``POINTS`` of the values
    limit : (value, x) of a limit that the contract sets, None where it sets none
    """

    n: int
    missing: int
    low: float
    median: float
    high: float
    box: tuple[float, ...]
    points: tuple[Point, ...]
    limit: tuple[float, float] | None = None

    @classmethod
    def of(cls, values: Sequence[float | None], limit: float | None = None) -> Strip | None:
        """None where no value is there."""
        known = np.sort([v for v in values if v is not None])
        if not known.size:
            return None
        ends = [float(known[0]), float(known[-1])] + ([limit] if limit is not None else [])
        low, span = min(ends), max(ends) - min(ends)

        def x(value: float) -> float:
            part = (float(value) - low) / span if span else 0.5
            return round(_INSET + part * (WIDTH - 2 * _INSET), 1)

        chosen = np.unique(np.linspace(0, known.size - 1, min(known.size, POINTS)).round().astype(int))
        return cls(
            n=known.size,
            missing=len(values) - known.size,
            low=float(known[0]),
            median=float(np.quantile(known, 0.5)),
            high=float(known[-1]),
            box=tuple(x(q) for q in np.quantile(known, (0.05, 0.25, 0.5, 0.75, 0.95))),
            points=tuple(Point(x(known[rank]), 2 * n % _LANES, float(known[rank])) for n, rank in enumerate(chosen)),
            limit=None if limit is None else (limit, x(limit)),
        )
