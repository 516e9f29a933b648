"""Where parallel images lie along their normal, and how far that is from a regular stack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from pipeline.archive.formats.header import Header
from pipeline.archive.measure import DUPLICATE_MM, WHOLE_GAP
from pipeline.archive.vectors import Vector, cross, dot, unit, vector

SAME_PLACE_MM = 0.01
"""Images nearer than this along the normal lie at one place: what law L5 calls nowhere else."""

Places = tuple[float, ...]
"""Of images, along one normal, in mm."""


def places(headers: Sequence[Header]) -> Places:
    """Along the normal of the first image; all are parallel and state their position."""
    orientation = headers[0].orientation
    assert orientation is not None
    normal: Vector = unit(cross(vector(orientation[:3]), vector(orientation[3:])))
    return tuple(dot(vector(h.position), normal) for h in headers if h.position is not None)


def levels(at: Places) -> list[list[int]]:
    """The indices of the images at each place, from the lowest on.

    One place is what lies within ``SAME_PLACE_MM``, or a tenth of the widest gap where slices are that thin.
    """
    found: list[list[int]] = []
    order = sorted(range(len(at)), key=lambda n: (at[n], n))
    widest = max((at[b] - at[a] for a, b in pairwise(order)), default=0.0)
    near = max(DUPLICATE_MM, min(SAME_PLACE_MM, widest / 10))
    for n in order:
        if found and at[n] - at[found[-1][-1]] < near:
            found[-1].append(n)
        else:
            found.append([n])
    return found


def crowd(at: Places) -> int:
    """Images at a place that another one has."""
    return len(at) - len(levels(at))


def defects(at: Places) -> int:
    """Images at a place that another one has, and distances that are not the usual one.  0: a regular stack."""
    gaps, usual = _gaps(at)
    return crowd(at) + sum(abs(gap - usual) >= SAME_PLACE_MM for gap in gaps)


def lacks_few(at: Places) -> bool:
    """Whether all that is wrong with a stack is that images are missing from it, in no more than a quarter of gaps."""
    gaps, usual = _gaps(at)
    wide = [gap / usual for gap in gaps if abs(gap - usual) >= SAME_PLACE_MM]
    return (
        not crowd(at)
        and 0 < 4 * len(wide) <= len(gaps)
        and all(fold > 1.5 and abs(fold - round(fold)) <= WHOLE_GAP for fold in wide)
    )


def _gaps(at: Places) -> tuple[list[float], float]:
    """From place to place, and the usual one."""
    lines = [at[level[0]] for level in levels(at)]
    gaps = [b - a for a, b in pairwise(lines)]
    return gaps, median(gaps) if gaps else 0.0
