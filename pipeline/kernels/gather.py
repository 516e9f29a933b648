"""The compiled forms of ``affine``: NumPy arrays, one slice of the target at a time.

Of each line first the positions, then where they point to, then what lies there: short loops that each do one thing,
all but the look-up in vectors.  What was found is float32; rounding, ramp and cast are a pass of their own over the
slice while it is in cache, so that one form of the look-up serves every dtype of the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable

from pipeline.kernels import voxel
from pipeline.kernels.tables import GRAIN, HALF

F = np.float32
SIXTH = F(1 / 6)


@njit(cache=True, nogil=True)
def linear(x, plane, row, values, flags, k, matrix, rows, bounds, start, bend):  # type: ignore[no-untyped-def]
    """Eight voxels about every position of slice ``k``, blended."""
    nj, ni = values.shape
    at, sheet = np.empty((3, ni)), _contracted(bend, k)
    offset, ahead, part = np.empty(ni), np.empty((3, ni), np.uint32), np.empty((3, ni), F)
    for j in range(nj):
        _line(at, matrix, rows, bend, sheet, k, j)
        _settle(at, bounds, 0.0, flags[j])
        _split(at, bounds, start, plane, row, offset, ahead, part)
        first, last = _run(flags[j])
        for i in range(first, last):
            # Unsigned 64 bits: no test for negative indices.
            o = np.uint64(np.int64(offset[i]))
            dk, dj, di = np.uint64(ahead[0, i]), np.uint64(ahead[1, i]), np.uint64(ahead[2, i])
            wk, wj, wi = part[0, i], part[1, i], part[2, i]
            a, b, c, d = F(x[o]), F(x[o + dj]), F(x[o + dk]), F(x[o + dk + dj])
            a += wi * (F(x[o + di]) - a)
            b += wi * (F(x[o + dj + di]) - b)
            c += wi * (F(x[o + dk + di]) - c)
            d += wi * (F(x[o + dk + dj + di]) - d)
            a += wj * (b - a)
            c += wj * (d - c)
            values[j, i] = a + wk * (c - a)


@njit(cache=True, nogil=True)
def cubic(x, plane, row, values, flags, k, matrix, rows, bounds, start, bend):  # type: ignore[no-untyped-def]
    """4 x 4 x 4 coefficients about every position of slice ``k``, weighted; ``x`` goes on beyond the bounds."""
    nj, ni = values.shape
    at, sheet = np.empty((3, ni)), _contracted(bend, k)
    offset, weights = np.empty(ni), np.empty((3, 4, ni), F)
    for j in range(nj):
        _line(at, matrix, rows, bend, sheet, k, j)
        _settle(at, bounds, HALF, flags[j])
        _weigh(at, start, plane, row, offset, weights)
        first, last = _run(flags[j])
        for i in range(first, last):
            o, one = np.uint64(np.int64(offset[i])), np.uint64(1)
            s0 = s1 = s2 = s3 = F(0)
            for a in range(4):
                for b in range(4):
                    w, q = weights[0, a, i] * weights[1, b, i], o + np.uint64(a * plane + b * row)
                    s0 += w * x[q]
                    s1 += w * x[q + one]
                    s2 += w * x[q + one + one]
                    s3 += w * x[q + one + one + one]
            near = s0 * weights[2, 0, i] + s1 * weights[2, 1, i]
            values[j, i] = (near + s2 * weights[2, 2, i]) + s3 * weights[2, 3, i]


@njit(cache=True, nogil=True)
def nearest(x, plane, row, out, out_row, fill, k, matrix, rows, bounds, start, bend):  # type: ignore[no-untyped-def]
    """The voxel nearest to every position of slice ``k``; midway between two, the upper one."""
    nj, ni = rows[1, 1] - rows[1, 0], rows[2, 1] - rows[2, 0]
    at, sheet = np.empty((3, ni)), _contracted(bend, k)
    flags, offset = np.empty(ni, np.uint8), np.empty(ni)
    origin_k, origin_j, origin_i = np.float64(start[0]), np.float64(start[1]), np.float64(start[2])
    planes, lines = np.float64(plane), np.float64(row)
    for j in range(nj):
        made = out[j * out_row :]
        _line(at, matrix, rows, bend, sheet, k, j)
        _settle(at, bounds, 0.0, flags)
        for i in range(ni):
            n, m, o = np.floor(at[0, i] + 0.5), np.floor(at[1, i] + 0.5), np.floor(at[2, i] + 0.5)
            offset[i] = (n - origin_k) * planes + (m - origin_j) * lines + (o - origin_i)
            made[i] = fill
        first, last = _run(flags)
        for i in range(first, last):
            made[i] = x[np.uint64(np.int64(offset[i]))] if flags[i] else fill


@njit(cache=True, nogil=True)
def inside(out, k, matrix, rows, bounds, start, bend):  # type: ignore[no-untyped-def]
    """1 where a position of slice ``k`` lies on the source."""
    at, sheet = np.empty((3, out.shape[1])), _contracted(bend, k)
    for j in range(out.shape[0]):
        _line(at, matrix, rows, bend, sheet, k, j)
        _settle(at, bounds, 0.0, out[j])


@njit(cache=True, nogil=True)
def finish(values, flags, like, fill, out, out_row, ramp):  # type: ignore[no-untyped-def]
    """One slice of float32 to voxels of ``out``, by way of the dtype of ``like``; fill where the flag is 0."""
    for j in range(values.shape[0]):
        made = out[j * out_row :]
        for i in range(values.shape[1]):
            made[i] = voxel.finished(values[j, i], like, out, ramp) if flags[j, i] else fill


@njit(cache=True, nogil=True)
def _line(at, matrix, rows, bend, sheet, k, j):  # type: ignore[no-untyped-def]
    """Positions of line (k, j), float64 [axis, i]."""
    tk, tj, ti = np.float64(rows[0, 0] + k), np.float64(rows[1, 0] + j), np.float64(rows[2, 0])
    for axis in range(3):
        base = (matrix[axis, 0] * tk + matrix[axis, 1] * tj) + matrix[axis, 3]
        step, line = matrix[axis, 2], at[axis]
        for i in range(line.size):
            line[i] = base + step * (ti + np.float64(i))
    if sheet.size:
        _displace(at, bend, sheet, j)


@njit(cache=True, nogil=True)
def _contracted(bend, k):  # type: ignore[no-untyped-def]
    """The points of a bend [axis, j, i], those along k weighted and added for slice k; empty where there are none."""
    points, firsts, weights = bend[0], bend[1], bend[2]
    sheet = np.empty((3, points.shape[2], points.shape[3]))
    if points.size:
        m, w = firsts[0][k], weights[0][k]
        for axis in range(3):
            for b in range(sheet.shape[1]):
                for c in range(sheet.shape[2]):
                    near = points[axis, m, b, c] * w[0] + points[axis, m + 1, b, c] * w[1]
                    sheet[axis, b, c] = (near + points[axis, m + 2, b, c] * w[2]) + points[axis, m + 3, b, c] * w[3]
    return sheet


@njit(cache=True, nogil=True)
def _displace(at, bend, sheet, j):  # type: ignore[no-untyped-def]
    """Adds the displacement of line j."""
    firsts, weights = bend[1], bend[2]
    m, w, thread = firsts[1][j], weights[1][j], np.empty(sheet.shape[2])
    for axis in range(3):
        for c in range(thread.size):
            near = sheet[axis, m, c] * w[0] + sheet[axis, m + 1, c] * w[1]
            thread[c] = (near + sheet[axis, m + 2, c] * w[2]) + sheet[axis, m + 3, c] * w[3]
        for i in range(at.shape[1]):
            n, v = firsts[2][i], weights[2][i]
            near = thread[n] * v[0] + thread[n + 1] * v[1]
            at[axis, i] += (near + thread[n + 2] * v[2]) + thread[n + 3] * v[3]


@njit(cache=True, nogil=True)
def _settle(at, bounds, margin, flags):  # type: ignore[no-untyped-def]
    """As ``positions.settled``, in place; flags 1 where all three are inside."""
    flags[:] = 1
    for axis in range(3):
        low, high = np.float64(bounds[axis, 0]), np.float64(bounds[axis, 1] - 1)
        least, most, line = low - HALF, high + HALF, at[axis]
        for i in range(line.size):
            p = np.rint(line[i] * GRAIN) * (1 / GRAIN)
            flags[i] &= np.uint8(p >= least) & np.uint8(p <= most)
            p = low - margin if p < low - margin else p
            line[i] = high + margin if p > high + margin else p


@njit(cache=True, nogil=True)
def _run(flags):  # type: ignore[no-untyped-def]
    """The shortest ``[first, last)`` that holds all ones."""
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
            parts[i] = F(line[i] - base)
            steps[i] = np.uint32(stride) if base < top else np.uint32(0)
            offset[i] = (base - origin) * scale + (offset[i] if axis else 0.0)


@njit(cache=True, nogil=True)
def _weigh(at, start, plane, row, offset, weights):  # type: ignore[no-untyped-def]
    """Settled positions as flat offset of the first of four voxels an axis, and their cubic B-splines."""
    for axis in range(3):
        scale = np.float64(plane if axis == 0 else row if axis == 1 else 1)
        before, line, w = np.float64(start[axis] + 1), at[axis], weights[axis]
        for i in range(line.size):
            base = np.floor(line[i])
            offset[i] = (base - before) * scale + (offset[i] if axis else 0.0)
            w[0, i], w[1, i], w[2, i], w[3, i] = bsplines(F(line[i] - base))


@register_jitable
def bsplines(part: Any) -> Any:
    """The cubic B-splines at -1, 0, 1, 2, seen from ``part`` (float32) of the way from 0 to 1."""
    p, q = part, F(1) - part
    inner, outer = (F(4) - F(3) * p * p * (F(2) - p)) * SIXTH, (F(4) - F(3) * q * q * (F(2) - q)) * SIXTH
    return q * q * q * SIXTH, inner, outer, p * p * p * SIXTH
