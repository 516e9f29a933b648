"""Holes of a mask: background from which no path leads to the border."""

from __future__ import annotations

import numpy as np

from pipeline.kernels.components import find
from pipeline.xp import Array, namespace


def holes(mask: Array, axis: int | None = None) -> Array:
    """uint8 [k, j, i]: 1 in the holes of a uint8 or bool mask.

    A path goes from face to face, as in SciPy's ``binary_fill_holes``, and ends where the array does.

    axis : each plane across this axis is looked at alone, paths stay in it and end at its rim; None: in 3-D
    """
    xp = namespace(mask)
    background = mask == 0
    if axis is None:
        found = find(background)
        return found.paint((~found.touching((0, 1, 2))).astype(np.uint8))
    planes = find(xp.ascontiguousarray(xp.moveaxis(background, axis, 0)), 4)
    inside = planes.paint((~planes.touching((1, 2))).astype(np.uint8))
    return xp.ascontiguousarray(xp.moveaxis(inside, 0, axis))
