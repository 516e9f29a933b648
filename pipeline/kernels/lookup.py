"""Piecewise linear maps of intensities: what landmarks and equalised histograms are carried out by.

Types of up to 16 bits go through a table of all their values; float32 is looked up among the knots, from a first
guess by one of many equal steps between the outermost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels import voxel
from pipeline.kernels.intensity import as_dtype
from pipeline.kernels.lines import readable, writeable
from pipeline.xp import Array, namespace

TABLES = tuple(map(np.dtype, ("int16", "uint16", "uint8")))
"""What goes through a table; all else is looked up as float32."""

_GUESSES = 1 << 14
"""Few enough for the first cache."""


def piecewise(
    x: Array, source: Sequence[float], target: Sequence[float], flat: bool, dtype: np.dtype | str = "float32"
) -> Array:
    """``x`` through the straight lines that join the knots ``(source, target)``.

    ::

        y = target[s] + (x - source[s]) * slope[s]    s: the last knot at or below x, but not the last of all

    Each step is one float32 operation.  Beyond the knots the outermost lines go on, or, if ``flat``, x and y stop at
    the outermost knots.  NaN stays NaN in the floats and becomes 0 in integers.

    Parameters
    ----------
    x : ``[k, j, i]``, never written
    source, target : at least two knots; ``source`` rises strictly in float32, else ValueError
    dtype : float32, float16 or uint8, as ``kernels.intensity.as_dtype`` makes it
    """
    xp, dtype = namespace(x), np.dtype(dtype)
    knots, values, slopes = lines(source, target)
    if xp is not np or not x.size:
        return plain(x, knots, values, slopes, flat, dtype)
    if x.dtype in TABLES:
        low = np.iinfo(x.dtype).min
        every = np.arange(low, np.iinfo(x.dtype).max + 1).astype(np.float32)
        table = plain(every, knots, values, slopes, flat, dtype)
        made = np.empty(x.shape, dtype)
        _look_up(*readable(x), voxel.bits(table), -low, *writeable(voxel.bits(made)), made.shape)
        return made
    made = np.empty(x.shape, np.float32)
    ends = _ends(knots, values, flat)
    _search(*readable(x.astype(np.float32, copy=False)), knots, values, slopes, ends, *_guesses(knots), made)
    return as_dtype(made, dtype)


def lines(source: Sequence[float], target: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float32 ``(knots [n], values [n], slopes [n - 1])``.  Raises ValueError where they are no map."""
    knots, values = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if knots.ndim != 1 or knots.shape != values.shape or knots.size < 2:
        raise ValueError("source and target must be equally many numbers, at least two")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        narrow, values32 = knots.astype(np.float32), values.astype(np.float32)
        slopes = (np.diff(values) / np.diff(knots)).astype(np.float32)
    if not (np.isfinite(narrow).all() and np.isfinite(values32).all() and (np.diff(narrow) > 0).all()):
        raise ValueError("source must be finite and rise strictly, target must be finite, both in float32")
    if not np.isfinite(slopes).all():
        raise ValueError("no line between two knots may be steeper than float32 can hold")
    return narrow, values32, slopes


def plain(x: Array, knots: np.ndarray, values: np.ndarray, slopes: np.ndarray, flat: bool, dtype: np.dtype) -> Array:
    """The same by whole-array operations, on NumPy or CuPy: the definition that compiled code is held to."""
    xp = namespace(x)
    low, high, least, most = _ends(knots, values, flat)
    b, t, m = map(xp.asarray, (knots, values, slopes))
    v = x.astype(np.float32)
    v = xp.where(v < low, low, v)
    v = xp.where(v > high, high, v)
    s = xp.clip(xp.searchsorted(b, v.ravel(), side="right") - 1, 0, len(slopes) - 1).reshape(v.shape)
    y = t[s] + (v - b[s]) * m[s]
    y = xp.where(y < least, least, y)
    y = xp.where(y > most, most, y)
    return as_dtype(y, dtype)


Ends = tuple[np.float32, np.float32, np.float32, np.float32]


def _ends(knots: np.ndarray, values: np.ndarray, flat: bool) -> Ends:
    """Where x and y stop: (low, high, least, most)."""
    if not flat:
        return -np.float32(np.inf), np.float32(np.inf), -np.float32(np.inf), np.float32(np.inf)
    return knots[0], knots[-1], values.min(), values.max()


def _guesses(knots: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """``(guess, steps)``: the segment of x is nearly ``guess[(x - knots[0]) * steps]``; the search mends it."""
    span = float(knots[-1]) - float(knots[0])
    steps = min(_GUESSES / span, float(np.finfo(np.float32).max))
    lowest = float(knots[0]) + np.arange(_GUESSES) / steps
    found = np.searchsorted(knots, lowest, side="right") - 1
    return np.clip(found, 0, knots.size - 2).astype(np.int32), np.float32(steps)


@njit(cache=True, nogil=True)
def _look_up(x, plane, row, table, zero, out, out_plane, out_row, shape):  # type: ignore[no-untyped-def]
    for k in range(shape[0]):
        for j in range(shape[1]):
            line = x[k * plane + j * row :]
            made = out[k * out_plane + j * out_row :]
            for i in range(shape[2]):
                made[i] = table[np.int64(line[i]) + zero]


@njit(cache=True, nogil=True)
def _search(x, plane, row, knots, values, slopes, ends, guess, steps, out):  # type: ignore[no-untyped-def]
    low, high, least, most = ends
    last = slopes.size - 1
    begin, beyond = knots[0], np.float32(guess.size)
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            line = x[k * plane + j * row :]
            for i in range(out.shape[2]):
                v = line[i]
                v = low if v < low else v
                v = high if v > high else v
                step = (v - begin) * steps
                # What is beyond, or NaN, begins at the first or at the last segment.
                s = guess[np.int64(step)] if np.float32(0) <= step < beyond else (last if v > begin else 0)
                while s < last and v >= knots[s + 1]:
                    s += 1
                while s > 0 and v < knots[s]:
                    s -= 1
                y = values[s] + (v - knots[s]) * slopes[s]
                y = least if y < least else y
                out[k, j, i] = most if y > most else y
