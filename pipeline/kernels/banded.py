"""Resampling by tables of any number of taps: cubic interpolation, box averages, smoothing.

::

    source lines --along j--> [j][i] --turned--> [i][j] --along i--> [i][j] --turned--> [k][j][i] --along k--> out

One pass an axis, in the order j, i, k, whatever the piece: a voxel is the same sums, in the same order, in every cut.
Slices are mostly farther apart than voxels in them, so that k last is the least work.  Compiled code makes ``LANES``
rows of the result at a time, and ``SLAB`` slices of those from one panel of source slices: scratch is small, and
every sum runs over lanes that are neighbours in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from pipeline.kernels import voxel
from pipeline.kernels.cuda import resample as cuda
from pipeline.kernels.lines import readable, writeable
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.tables import Table
from pipeline.kernels.vectors import LANES, SIDE, blend, transpose
from pipeline.xp import Array, namespace

PASSES = (1, 2, 0)
"""The order of the axes."""

SLAB = 64
"""Slices of the result that are made from one panel."""


class Band(NamedTuple):
    """A table as compiled code takes it: row t looks at ``first[t], first[t] + 1, ...``.

    first : (rows,) int64
    weights : (rows * taps,) float32
    """

    first: np.ndarray
    weights: np.ndarray
    taps: int


class Scratch(NamedTuple):
    """Memory of compiled code, flat float32.

    lines : source lines that LANES rows of the result look at
    square : LANES rows of LANES columns of the source
    turned, made : columns of the source, and of the result, with LANES rows each
    panel : source slices that SLAB slices of the result look at, each LANES rows of the result
    values : a row of the result
    """

    lines: np.ndarray
    square: np.ndarray
    turned: np.ndarray
    made: np.ndarray
    panel: np.ndarray
    values: np.ndarray


def banded(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    """Writes ``out``, not empty, of the shape of three tables that count from the first voxel of ``x``.

    Rows must look at voxels of ``x`` that follow one another.
    """
    if namespace(x) is not np:
        cuda.banded(x, tables, PASSES, out, ramp)
        return
    k, j, i = (Band(t.index[:, 0].copy(), t.weights.astype(np.float32).ravel(), t.taps) for t in tables)
    scratch = _scratch(x.shape[2], k, j, i)
    _banded(readable(x), x.shape[2], writeable(voxel.bits(out)), k, j, i, scratch, voxel.numbers(ramp, out.dtype))


def _scratch(width: int, k: Band, j: Band, i: Band) -> Scratch:
    across, along = (-(-n // LANES) * LANES for n in (width, i.first.size))
    sizes = (_widest(j, LANES) * across, LANES * LANES, across * LANES, along * LANES)
    # Zeros, since the lanes of rows and columns that are not there are computed too.
    return Scratch(*(np.zeros(n, "f4") for n in (*sizes, _widest(k, SLAB) * LANES * along, along)))


def _widest(band: Band, count: int) -> int:
    """Source voxels that ``count`` rows look at, at most."""
    rows = (band.first[n : n + count] for n in range(0, band.first.size, count))
    return max(int(np.ptp(first)) for first in rows) + band.taps


def by_definition(x: Array, tables: Sequence[Table]) -> Array:
    """float32 ``[k, j, i]``: the same by whole-array operations, which compiled code is held to."""
    xp, y = namespace(x), x.astype(np.float32)
    for axis in PASSES:
        index, weights = tables[axis].index, tables[axis].weights.astype(np.float32)
        column = [-1 if a == axis else 1 for a in range(3)]
        made = None
        for n in range(tables[axis].taps):
            tap = xp.asarray(weights[:, n].reshape(column)) * xp.take(y, xp.asarray(index[:, n]), axis)
            made = tap if made is None else made + tap
        y = made
    return y


@njit(cache=True, nogil=True)
def _banded(x, width, out, k, j, i, scratch, ramp):  # type: ignore[no-untyped-def]
    panel, size = scratch.panel, scratch.made.size  # of a slice of the panel
    for row in range(0, j.first.size, LANES):
        rows = (row, min(row + LANES, j.first.size))
        low, high = 0, 0  # source slices in the panel
        for begin in range(0, k.first.size, SLAB):
            slices = (begin, min(begin + SLAB, k.first.size))
            first, last = _window(k, *slices)
            kept = max(high - first, 0) if low <= first else 0
            if low < first:
                for n in range(kept * size):
                    panel[n] = panel[n + (first - low) * size]
            for n in range(kept, last - first):
                _slice(x.flat[(first + n) * x.plane :], x.row, width, rows, j, i, scratch, panel[n * size :])
            low, high = first, last
            _slab(scratch, first, slices, rows, k, i.first.size, x.flat, out, ramp)


@njit(cache=True, nogil=True)
def _slice(x, row, width, rows, j, i, scratch, out):  # type: ignore[no-untyped-def]
    """Some rows of one source slice, summed along j and along i: ``out[j][i]``."""
    lines, square, turned, made = scratch.lines, scratch.square, scratch.turned, scratch.made
    across, along = turned.size // LANES, made.size // LANES
    first, last = _window(j, *rows)
    for n in range(last - first):
        line, wide = x[(first + n) * row :], lines[n * across :]
        for c in range(width):
            wide[c] = np.float32(line[c])
    for c in range(0, across, LANES):
        for r in range(rows[0], rows[1]):
            source = (j.first[r] - first) * across + c
            blend(square, (r - rows[0]) * LANES, lines, source, across, j.weights, r * j.taps, j.taps)
        _turn(turned[c * LANES :], LANES, square, LANES, LANES)
    for c in range(i.first.size):
        blend(made, c * LANES, turned, i.first[c] * LANES, LANES, i.weights, c * i.taps, i.taps)
    _turn(out, along, made, LANES, along)


@njit(cache=True, nogil=True)
def _slab(scratch, first, slices, rows, k, width, x, out, ramp):  # type: ignore[no-untyped-def]
    """Some rows of some slices of the result, summed along k over a panel that begins with source slice ``first``."""
    panel, values = scratch.panel, scratch.values
    along = values.size
    for r in range(rows[0], rows[1]):
        for s in range(slices[0], slices[1]):
            source = ((k.first[s] - first) * LANES + r - rows[0]) * along
            for c in range(0, along, LANES):
                blend(values, c, panel, source + c, LANES * along, k.weights, s * k.taps, k.taps)
            made = out.flat[s * out.plane + r * out.row :]
            for c in range(width):
                made[c] = voxel.finished(values[c], x, out.flat, ramp)


@njit(cache=True, nogil=True)
def _turn(out, row, x, stride, count):  # type: ignore[no-untyped-def]
    """``out[p][q] = x[q][p]``: LANES lines of ``count``, or ``count`` of LANES."""
    for q in range(0, count, SIDE):
        for p in range(0, LANES, SIDE):
            transpose(out, p * row + q, row, x, q * stride + p, stride)


@njit(cache=True, nogil=True)
def _window(band, begin, end):  # type: ignore[no-untyped-def]
    """``[low, high)``: what the rows ``[begin, end)`` look at."""
    a, b = band.first[begin], band.first[end - 1]
    return min(a, b), max(a, b) + band.taps
