"""Where the frames and contours of an annotation lie on the grid of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import floor, sqrt

import numpy as np

from pipeline.archive.formats.annotation import Annotation, Point
from pipeline.archive.formats.header import Header
from pipeline.grid import IDENTITY, Grid, Triple

SAME_VOXEL_MM = 0.01
"""How far the corners of a frame may lie from voxels of the grid (law L5)."""

ASIDE = 0.25
"""Across how many slices a contour may reach and still lie in one; what printed coordinates are off by is less."""

_PATIENT = Grid(IDENTITY, (1, 1, 1))


def indices(grid: Grid, points: np.ndarray) -> np.ndarray:
    """(n, 3) points in LPS mm -> (n, 3) float64 lattice indices [k, j, i], not rounded."""
    x, y, z = points.T
    return np.stack([a * x + b * y + c * z + d for a, b, c, d in grid.matrix(_PATIENT)], axis=1)


def frame_start(grid: Grid, header: Header, position: Point) -> Triple | None:
    """The lattice index of a frame's first voxel, where all its voxels are voxels of the lattice; else None.

    ``header`` states orientation, spacing and size of the frame, ``position`` where its first voxel lies.  The slice
    may be none of the grid's own, and the frame larger or smaller than a slice.
    """
    if header.orientation is None or header.spacing is None:
        return None
    k, j, i = (round(index) for index in indices(grid, np.array([position]))[0].tolist())
    row, column = header.orientation[:3], header.orientation[3:]
    _, rows, columns = header.shape
    for b, a in product((0, rows - 1), (0, columns - 1)):
        along, down = a * header.spacing[1], b * header.spacing[0]
        own = [p + along * r + down * c for p, r, c in zip(position, row, column, strict=True)]
        there = grid.position((k, j + b, i + a))
        if not _distance(own, there) < SAME_VOXEL_MM:
            return None
    return k, j, i


def fits(grid: Grid, header: Header) -> bool:
    """Whether an annotation can be drawn on a volume of this grid.

    What lies beyond the first and the last slice is none of the volume's, but something must lie on one.  A frame must
    fall on voxels, each contour into one slice.
    """
    annotation = header.annotation
    if annotation is None or not annotation.planes:
        return False
    own = own_planes(grid, annotation.planes)
    if annotation.normal is not None:
        return bool(own) and _spread(grid, annotation) <= ASIDE
    return bool(own) and all(frame_start(grid, header, plane) is not None for plane in own)


def own_planes(grid: Grid, planes: Sequence[Point]) -> list[Point]:
    """Those that do not lie beyond the first and the last slice."""
    at = indices(grid, np.array(planes))[:, 0].tolist()
    return [plane for plane, k in zip(planes, at, strict=True) if 0 <= slice_at(k) < grid.shape[0]]


def slice_at(k: float) -> int:
    """The slice into which a plane falls: the nearest, of two the later."""
    return floor(k + 0.5)


def _spread(grid: Grid, annotation: Annotation) -> float:
    """Across how many slices a contour may reach, whose plane is turned against them."""
    assert annotation.normal is not None
    gradient = grid.matrix(_PATIENT)[0][:3]
    slope = sqrt(sum(g * g for g in gradient))
    cosine = abs(sum(n * g for n, g in zip(annotation.normal, gradient, strict=True))) / slope
    sine = sqrt(max(0.0, 1.0 - cosine * cosine))
    return slope * (annotation.depth_mm + annotation.extent_mm * sine)


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))
