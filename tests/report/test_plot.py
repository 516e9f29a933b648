"""The spread of a metric as numbers to draw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.plot import POINTS, WIDTH, Strip

VALUES = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=400)


@given(VALUES, st.one_of(st.none(), st.floats(-1e6, 1e6)))
def test_all_lies_in_the_drawing_and_in_order(values: list[float], limit: float | None) -> None:
    strip = Strip.of(values, limit)
    assert strip is not None
    xs = [p.x for p in strip.points]
    assert xs == sorted(xs)
    assert list(strip.box) == sorted(strip.box)
    assert all(0 <= x <= WIDTH for x in (*xs, *strip.box))
    assert len(xs) == min(len(values), POINTS)
    assert (strip.points[0].value, strip.points[-1].value) == (strip.low, strip.high) == (min(values), max(values))
    assert strip.median == pytest.approx(np.median(values), rel=1e-9, abs=1e-9)


@given(VALUES)
def test_order_does_not_show(values: list[float]) -> None:
    assert Strip.of(values) == Strip.of(values[::-1])


def test_nulls_are_counted_beside() -> None:
    strip = Strip.of([1.0, None, 2.0, None])
    assert strip is not None
    assert (strip.n, strip.missing) == (2, 2)
    assert Strip.of([None, None]) is None
    assert Strip.of([]) is None


def test_the_limit_is_on_the_same_scale() -> None:
    strip = Strip.of([0.0, 5.0], limit=10.0)
    assert strip is not None
    assert strip.limit is not None
    assert strip.limit[1] > strip.points[1].x > strip.points[0].x
    assert abs(strip.points[1].x - (strip.limit[1] + strip.points[0].x) / 2) <= 0.1


def test_many_values_are_thinned_and_use_the_whole_width() -> None:
    strip = Strip.of([float(n) for n in range(5, 1005)])
    assert strip is not None
    assert len(strip.points) == POINTS
    assert strip.points[0].x + strip.points[-1].x == WIDTH
    assert strip.points[-1].x > 0.9 * WIDTH
