"""The mask of the voxels whose value lies in a range."""

from __future__ import annotations

from math import ceil, floor, inf

import numpy as np

from pipeline.xp import Array, namespace


def between(x: Array, lower: float | None = None, upper: float | None = None) -> Array:
    """uint8 of the shape of ``x``: 1 where ``lower <= x <= upper``; a bound that is None does not bind.

    An integer array is compared exactly, a float array with the bounds rounded to its own type.  NaN
    lies in no range.
    """
    low, high = -inf if lower is None else lower, inf if upper is None else upper
    if x.dtype.kind in "iu":
        info = np.iinfo(x.dtype)
        low, high = max(low, info.min), min(high, info.max)
        if ceil(low) > floor(high):
            return namespace(x).zeros(x.shape, np.uint8)
        low, high = ceil(low), floor(high)
    with np.errstate(over="ignore"):  # a bound beyond float16 is an infinity there
        first, last = x.dtype.type(low), x.dtype.type(high)
    mask = x >= first
    mask &= x <= last
    return mask.view(np.uint8)
