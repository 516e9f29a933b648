"""Stored values to their units, in integers wherever that is exact."""

from __future__ import annotations

import numpy as np

from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_MOST = 1e9

_EXACT = 2**53
"""Up to here float64 holds every whole number."""


def is_scaling(slope: float, intercept: float) -> bool:
    """Whether these can be meant: finite, and of no more than 1e9."""
    return abs(slope) <= _MOST and abs(intercept) <= _MOST


def rescaled(
    stored: np.ndarray, slope: float | np.ndarray = 1.0, intercept: float | np.ndarray = 0.0, *, in_place: bool = False
) -> np.ndarray:
    """``slope * stored + intercept`` (DICOM PS3.3 C.11.1.1.2), exact in 16 bits wherever that is possible.

    Parameters
    ----------
    stored : (n, j, i) numbers
    slope, intercept : one number, or (n,), one a slice
    in_place : whether ``stored`` may be overwritten, so that numbers that stay as wide take no more memory

    Returns
    -------
    int16 where every slope, intercept and stored value is a whole number and every result fits; else
    uint16 where it fits that; else float32, computed in float64 and rounded once.  The type follows
    from the values alone.  NaN and infinities stay what they are, in float32.  The array may be
    ``stored`` itself where there is nothing to do.

    Raises
    ------
    Quarantine
        INEXACT where all is whole and a result is neither in 16 bits nor a float32: labels and identifiers
        must not become their neighbours.  Also for integers that leave the 53 bits of float64.
    """
    n = len(stored)
    slopes = np.broadcast_to(np.asarray(slope, "f8"), n)
    intercepts = np.broadcast_to(np.asarray(intercept, "f8"), n)
    whole = _are_whole(slopes) and _are_whole(intercepts) and all(map(_are_whole, stored))
    dtype = _exact_dtype(stored, slopes, intercepts) if whole else np.dtype("f4")
    if stored.dtype == dtype and (slopes == 1).all() and (intercepts == 0).all():
        return stored
    fits = in_place and stored.dtype.itemsize == dtype.itemsize
    out = stored.view(dtype) if fits else np.empty(stored.shape, dtype)
    for k in range(n):
        if dtype.kind == "f":
            with np.errstate(over="ignore", invalid="ignore"):
                values = stored[k].astype("f8") * slopes[k] + intercepts[k]
                out[k] = values
            if whole and (out[k] != values).any():
                raise Quarantine(Reason.INEXACT)
        else:
            # Arithmetic modulo 2**16 is exact where the result fits, which is known by now.
            low = stored[k].astype("i8" if stored.dtype.kind == "f" else stored.dtype, copy=False)
            low = low.view("u2") if low.dtype.itemsize == 2 else low.astype("u2")
            words = out[k].view("u2")
            if slopes[k] != 1:
                low = np.multiply(low, np.uint16(int(slopes[k]) % 65536), out=words)
            np.add(low, np.uint16(int(intercepts[k]) % 65536), out=words)
    return out


def _exact_dtype(stored: np.ndarray, slopes: np.ndarray, intercepts: np.ndarray) -> np.dtype:
    """Of whole numbers; raises Quarantine(INEXACT) where float64 may not hold all that is computed on the way."""
    low, high, products = [0], [0], [0]
    for k, part in enumerate(stored if stored.size else []):
        scaled = [int(end) * int(slopes[k]) for end in (part.min(), part.max())]
        ends = [product + int(intercepts[k]) for product in scaled]
        low.append(min(ends))
        high.append(max(ends))
        products += scaled
    for dtype in (np.dtype("i2"), np.dtype("u2")):
        limits = np.iinfo(dtype)
        if limits.min <= min(low) and max(high) <= limits.max:
            return dtype
    as_they_are = stored.dtype.kind == "f" and (slopes == 1).all() and (intercepts == 0).all()
    if not as_they_are and max(map(abs, low + high + products)) > _EXACT:
        raise Quarantine(Reason.INEXACT)
    return np.dtype("f4")


def _are_whole(numbers: np.ndarray) -> bool:
    if numbers.dtype.kind != "f":
        return True
    return bool(np.isfinite(numbers).all()) and bool((np.trunc(numbers) == numbers).all())
