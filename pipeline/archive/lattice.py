"""Where parallel images lie along their normal, and how far that is from a regular stack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from pipeline.archive.formats.header import Header
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
    """The indices of the images at each place, from the lowest on."""
    found: list[list[int]] = []
    order = sorted(range(len(at)), key=lambda n: (at[n], n))
    for n in order:
        if found and at[n] - at[found[-1][-1]] < SAME_PLACE_MM:
            found[-1].append(n)
        else:
            found.append([n])
    return found


def defects(at: Places) -> int:
    """Images at a place that another one has, and distances that are not the usual one.  0: a regular stack."""
    lines = [at[level[0]] for level in levels(at)]
    gaps = [b - a for a, b in pairwise(lines)]
    usual = median(gaps) if gaps else 0.0
    return len(at) - len(lines) + sum(abs(gap - usual) >= SAME_PLACE_MM for gap in gaps)
