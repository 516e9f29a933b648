"""Resampling where axes are not parallel: oblique, sheared, rotated or bent.

Linear interpolation looks at the eight voxels about a position, and blends them along i, along j, along k, each
blend ``a + w * (b - a)`` in float32: where a == b the result is a, so a constant stays constant to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit

from pipeline.kernels import intensity, voxel
from pipeline.kernels.intensity import COMPILED, as_dtype, claim
from pipeline.kernels.lines import readable, writeable
from pipeline.kernels.positions import Positions, settled
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.resample import _finished_fill
from pipeline.kernels.tables import GRAIN, HALF
from pipeline.xp import Array, namespace


def affine(
    x: Array,
    at: Positions,
    start: Sequence[int],
    *,
    order: int = 1,
    fill: float,
    dtype: np.dtype | str | None = None,
    ramp: Ramp | None = None,
    out: Array | None = None,
) -> Array:
    """``x`` at the positions of a target.

    Parameters
    ----------
    x : ``[k, j, i]``, never written.  Order 0: any dtype; else native int16, uint16, uint8 or float32.
    at : the positions, with the rows of the target and the bounds of the whole source
    start : source lattice index of ``x[0, 0, 0]``
    order : 0 (nearest) or 1 (linear)
    fill : value of voxels that are not inside, rounded and clipped to the dtype
    dtype, ramp, out : as in ``resample``

    Returns
    -------
    ``[k, j, i]``, as many voxels along an axis as the target has rows

    A NaN spreads to every voxel that looks at it, with weight 0 too.

    Raises
    ------
    TypeError
        For a dtype that cannot be interpolated or made.
    ValueError
        If the inside positions look beyond ``x``, the order is another, or ``out`` does not fit.
    """
    kept = _kept(x.dtype, order, dtype)
    made = claim(out, x, at.shape, ramp.dtype if ramp is not None else kept)
    if not made.size:
        return made
    for (low, high), first, n in zip(at.span(order), start, x.shape, strict=True):
        if low < first or high > first + n:
            raise ValueError("the positions look beyond the array")
    filled = _finished_fill(fill, x.dtype, made.dtype, ramp)
    if namespace(x) is not np:
        _whole(x, at, start, order, kept, filled, ramp, made)
    elif order == 0:
        target = made if ramp is None else np.empty(at.shape, x.dtype)
        word = np.dtype(f"u{x.dtype.itemsize}")
        value = filled if ramp is None else _finished_fill(fill, x.dtype, x.dtype, None)
        lines = (*readable(x.view(word)), *writeable(target.view(word)))
        _nearest(*lines, *_geometry(at, start), value.view(word)[0, 0, 0])
        if ramp is not None:
            intensity.ramp(target, ramp, out=made)
    else:
        like, value = np.empty(0, kept), voxel.bits(filled)[0, 0, 0]
        _linear(*readable(x), *writeable(voxel.bits(made)), *_geometry(at, start), like, value, voxel.numbers(ramp))
    return made


def inside(at: Positions, xp: ModuleType = np) -> Array:
    """uint8 [k, j, i]: 1 where a voxel of the target lies on the source, 0 where it would be fill."""
    made = xp.empty(at.shape, np.uint8)
    if xp is np and made.size:
        _inside(made, *_geometry(at, (0, 0, 0)))
    elif made.size:
        for k in range(at.shape[0]):
            flags = [settled(p, b, xp)[1] for p, b in zip(at.slab(k, k + 1).arrays(xp), at.bounds, strict=True)]
            made[k : k + 1] = flags[0] & flags[1] & flags[2]
    return made


def _kept(source: np.dtype, order: int, dtype: np.dtype | str | None) -> np.dtype:
    """The dtype in which a voxel is stored before any ramp, or why there is none."""
    if order not in (0, 1):
        raise ValueError("order must be 0 or 1")
    if order and source not in COMPILED:
        raise TypeError(f"linear resampling takes native {', '.join(d.name for d in COMPILED)}")
    kept = source if dtype is None else np.dtype(dtype)
    if kept != source and (order == 0 or kept != np.float32):
        raise TypeError("resampling gives the dtype it takes; linear also float32")
    return kept


# Compiled: NumPy arrays.  Positions of a line first, then what they look at, then rounding and cast: three loops
# that each do one thing, two of them in vectors.


def _geometry(at: Positions, start: Sequence[int]) -> tuple[Any, ...]:
    """Of positions, what compiled code takes."""
    bent = None if at.bend is None else (at.bend.points, at.bend.first, at.bend.weights)
    rows, bounds = np.array(at.rows, "i8"), np.array(at.bounds, "i8")
    return at.matrix, rows, bounds, np.array(start, "i8"), bent


@njit(cache=True, nogil=True)
def _line(at, matrix, rows, bent, sheet, k, j):  # type: ignore[no-untyped-def]
    """Positions of line (k, j), float64 [axis, i]."""
    tk, tj = np.float64(rows[0, 0] + k), np.float64(rows[1, 0] + j)
    for axis in range(3):
        base = (matrix[axis, 0] * tk + matrix[axis, 1] * tj) + matrix[axis, 3]
        step, line = matrix[axis, 2], at[axis]
        for i in range(line.size):
            line[i] = base + step * np.float64(rows[2, 0] + i)
    if bent is not None:
        _add_bend(at, bent, sheet, k, j)


@njit(cache=True, nogil=True)
def _add_bend(at, bent, sheet, k, j):  # type: ignore[no-untyped-def]
    """The displacement of line (k, j); ``sheet`` holds the points contracted along k, made when j is 0."""
    points, (k_first, j_first, i_first), (k_weights, j_weights, i_weights) = bent
    if j == 0:
        m, w = k_first[k], k_weights[k]
        for axis in range(3):
            for b in range(sheet.shape[1]):
                for c in range(sheet.shape[2]):
                    near = points[axis, m, b, c] * w[0] + points[axis, m + 1, b, c] * w[1]
                    sheet[axis, b, c] = (near + points[axis, m + 2, b, c] * w[2]) + points[axis, m + 3, b, c] * w[3]
    m, w = j_first[j], j_weights[j]
    thread = np.empty(sheet.shape[2])
    for axis in range(3):
        for c in range(thread.size):
            near = sheet[axis, m, c] * w[0] + sheet[axis, m + 1, c] * w[1]
            thread[c] = (near + sheet[axis, m + 2, c] * w[2]) + sheet[axis, m + 3, c] * w[3]
        for i in range(i_first.size):
            n, v = i_first[i], i_weights[i]
            near = thread[n] * v[0] + thread[n + 1] * v[1]
            at[axis, i] += (near + thread[n + 2] * v[2]) + thread[n + 3] * v[3]


@njit(cache=True, nogil=True)
def _settle(at, bounds, flags):  # type: ignore[no-untyped-def]
    """As ``positions.settled``, in place; flags 1 where all three are inside.  Returns the run that holds the ones."""
    flags[:] = 1
    for axis in range(3):
        low, high = np.float64(bounds[axis, 0]), np.float64(bounds[axis, 1] - 1)
        least, most, line = low - HALF, high + HALF, at[axis]
        for i in range(line.size):
            p = np.rint(line[i] * GRAIN) * (1 / GRAIN)
            flags[i] &= np.uint8(p >= least) & np.uint8(p <= most)
            p = low if p < low else p
            line[i] = high if p > high else p
    first, last = 0, flags.size
    while first < last and not flags[first]:
        first += 1
    while first < last and not flags[last - 1]:
        last -= 1
    return first, last


@njit(cache=True, nogil=True)
def _split(at, bounds, start, plane, row, offset, ahead, part):  # type: ignore[no-untyped-def]
    """Settled positions as flat offset of the lower voxel, steps to the upper one, and float32 parts of a voxel.

    The offset stays float64, exact up to 2^53: conversion to integers of 64 bits is no vector instruction.
    """
    for axis in range(3):
        stride = plane if axis == 0 else row if axis == 1 else 1
        origin, top, scale = np.float64(start[axis]), np.float64(bounds[axis, 1] - 1), np.float64(stride)
        line, steps, parts = at[axis], ahead[axis], part[axis]
        for i in range(line.size):
            base = np.floor(line[i])
            parts[i] = np.float32(line[i] - base)
            steps[i] = np.uint32(stride) if base < top else np.uint32(0)
            offset[i] = (base - origin) * scale + (offset[i] if axis else 0.0)


@njit(cache=True, nogil=True)
def _eight(x, offset, dk, dj, di, wk, wj, wi):  # type: ignore[no-untyped-def]
    """The eight voxels at a flat offset and ``d`` further on, blended."""
    # Unsigned 64 bits: no test for negative indices.
    o, dk, dj, di = np.uint64(np.int64(offset)), np.uint64(dk), np.uint64(dj), np.uint64(di)
    a, b, c, d = np.float32(x[o]), np.float32(x[o + dj]), np.float32(x[o + dk]), np.float32(x[o + dk + dj])
    a += wi * (np.float32(x[o + di]) - a)
    b += wi * (np.float32(x[o + dj + di]) - b)
    c += wi * (np.float32(x[o + dk + di]) - c)
    d += wi * (np.float32(x[o + dk + dj + di]) - d)
    a += wj * (b - a)
    c += wj * (d - c)
    return a + wk * (c - a)


@njit(cache=True, nogil=True)
def _linear(x, plane, row, out, out_plane, out_row, matrix, rows, bounds, start, bent, like, fill, ramp):  # type: ignore[no-untyped-def]
    nk, nj, ni = rows[0, 1] - rows[0, 0], rows[1, 1] - rows[1, 0], rows[2, 1] - rows[2, 0]
    at, flags, values = np.empty((3, ni)), np.empty(ni, np.uint8), np.empty(ni, np.float32)
    sheet = np.empty((3, 0, 0)) if bent is None else np.empty((3, bent[0].shape[2], bent[0].shape[3]))
    offset, ahead, part = np.empty(ni), np.empty((3, ni), np.uint32), np.empty((3, ni), np.float32)
    for k in range(nk):
        for j in range(nj):
            made = out[k * out_plane + j * out_row :]
            _line(at, matrix, rows, bent, sheet, k, j)
            first, last = _settle(at, bounds, flags)
            _split(at, bounds, start, plane, row, offset, ahead, part)
            for i in range(first, last):
                dk, dj, di = ahead[0, i], ahead[1, i], ahead[2, i]
                values[i] = _eight(x, offset[i], dk, dj, di, part[0, i], part[1, i], part[2, i])
            for i in range(first):
                made[i] = fill
            for i in range(first, last):
                made[i] = voxel.finished(values[i], like, out, ramp) if flags[i] else fill
            for i in range(last, ni):
                made[i] = fill


@njit(cache=True, nogil=True)
def _nearest(x, plane, row, out, out_plane, out_row, matrix, rows, bounds, start, bent, fill):  # type: ignore[no-untyped-def]
    nk, nj, ni = rows[0, 1] - rows[0, 0], rows[1, 1] - rows[1, 0], rows[2, 1] - rows[2, 0]
    at, flags, offset = np.empty((3, ni)), np.empty(ni, np.uint8), np.empty(ni)
    first_k, first_j, first_i = np.float64(start[0]), np.float64(start[1]), np.float64(start[2])
    planes, lines = np.float64(plane), np.float64(row)
    sheet = np.empty((3, 0, 0)) if bent is None else np.empty((3, bent[0].shape[2], bent[0].shape[3]))
    for k in range(nk):
        for j in range(nj):
            made = out[k * out_plane + j * out_row :]
            _line(at, matrix, rows, bent, sheet, k, j)
            first, last = _settle(at, bounds, flags)
            for i in range(first):
                made[i] = fill
            for i in range(ni):
                n, m, o = np.floor(at[0, i] + 0.5), np.floor(at[1, i] + 0.5), np.floor(at[2, i] + 0.5)
                offset[i] = (n - first_k) * planes + (m - first_j) * lines + (o - first_i)
            for i in range(first, last):
                made[i] = x[np.uint64(np.int64(offset[i]))] if flags[i] else fill
            for i in range(last, ni):
                made[i] = fill


@njit(cache=True, nogil=True)
def _inside(out, matrix, rows, bounds, start, bent):  # type: ignore[no-untyped-def]
    at = np.empty((3, out.shape[2]))
    sheet = np.empty((3, 0, 0)) if bent is None else np.empty((3, bent[0].shape[2], bent[0].shape[3]))
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            _line(at, matrix, rows, bent, sheet, k, j)
            _settle(at, bounds, out[k, j])


# By whole-array operations: CuPy arrays, and the definition that the compiled forms are held to


def _whole(
    x: Array,
    at: Positions,
    start: Sequence[int],
    order: int,
    kept: np.dtype,
    fill: np.ndarray,
    ramp: Ramp | None,
    out: Array,
) -> None:
    """Slice by slice, since positions take eight times the memory of the voxels."""
    for k in range(at.shape[0]):
        _slices(x, at.slab(k, k + 1), start, order, kept, fill, ramp, out[k : k + 1])


def _slices(
    x: Array,
    at: Positions,
    start: Sequence[int],
    order: int,
    kept: np.dtype,
    fill: np.ndarray,
    ramp: Ramp | None,
    out: Array,
) -> None:
    xp = namespace(x)
    places = [settled(p, b, xp) for p, b in zip(at.arrays(xp), at.bounds, strict=True)]
    flags = places[0][1] & places[1][1] & places[2][1]
    near, far, part = [], [], []
    for (position, _), (_, high), origin in zip(places, at.bounds, start, strict=True):
        base = xp.floor(position + 0.5 if order == 0 else position)
        part.append((position - base).astype(np.float32))
        near.append(xp.where(flags, base.astype("i8") - origin, 0))
        far.append(xp.where(flags, xp.minimum(base + 1, high - 1).astype("i8") - origin, 0))
    if order == 0:
        y = x[tuple(near)]
    else:
        a, b, c, d = (
            x[k, j, near[2]].astype(np.float32)
            + part[2] * (x[k, j, far[2]].astype(np.float32) - x[k, j, near[2]].astype(np.float32))
            for k in (near[0], far[0])
            for j in (near[1], far[1])
        )
        a = a + part[1] * (b - a)
        c = c + part[1] * (d - c)
        y = as_dtype(a + part[0] * (c - a), kept)
    y = y if ramp is None else intensity.plain(y, ramp)
    out[...] = xp.where(flags, y, xp.asarray(fill))
