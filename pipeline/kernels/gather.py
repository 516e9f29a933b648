"""The compiled forms of ``affine``: NumPy arrays, one line of the target after the other.

First the positions of a line, then where they point to, then what lies there, then rounding and cast: short loops that
each do one thing, all but the look-up in vectors.
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
def linear(x, plane, row, out, out_plane, out_row, matrix, rows, bounds, start, bent, like, fill, ramp):  # type: ignore[no-untyped-def]
    """Eight voxels about every position, blended."""
    nk, nj, ni = rows[0, 1] - rows[0, 0], rows[1, 1] - rows[1, 0], rows[2, 1] - rows[2, 0]
    at, flags, values = np.empty((3, ni)), np.empty(ni, np.uint8), np.empty(ni, np.float32)
    sheet = _sheet(bent)
    offset, ahead, part = np.empty(ni), np.empty((3, ni), np.uint32), np.empty((3, ni), np.float32)
    for k in range(nk):
        for j in range(nj):
            made = out[k * out_plane + j * out_row :]
            _line(at, matrix, rows, bent, sheet, k, j)
            first, last = _settle(at, bounds, 0.0, flags)
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
def cubic(x, plane, row, out, out_plane, out_row, matrix, rows, bounds, start, bent, like, fill, ramp):  # type: ignore[no-untyped-def]
    """4 x 4 x 4 coefficients about every position, weighted; ``x`` goes on beyond the bounds as far as they are needed."""
    nk, nj, ni = rows[0, 1] - rows[0, 0], rows[1, 1] - rows[1, 0], rows[2, 1] - rows[2, 0]
    at, flags, values = np.empty((3, ni)), np.empty(ni, np.uint8), np.empty(ni, np.float32)
    sheet = _sheet(bent)
    offset, weights = np.empty(ni), np.empty((3, 4, ni), np.float32)
    for k in range(nk):
        for j in range(nj):
            made = out[k * out_plane + j * out_row :]
            _line(at, matrix, rows, bent, sheet, k, j)
            first, last = _settle(at, bounds, HALF, flags)
            _weigh(at, start, plane, row, offset, weights)
            for i in range(first, last):
                values[i] = _sixty_four(x, offset[i], plane, row, weights, i)
            for i in range(first):
                made[i] = fill
            for i in range(first, last):
                made[i] = voxel.finished(values[i], like, out, ramp) if flags[i] else fill
            for i in range(last, ni):
                made[i] = fill


@njit(cache=True, nogil=True)
def nearest(x, plane, row, out, out_plane, out_row, matrix, rows, bounds, start, bent, fill):  # type: ignore[no-untyped-def]
    """The voxel nearest to every position; midway between two, the upper one."""
    nk, nj, ni = rows[0, 1] - rows[0, 0], rows[1, 1] - rows[1, 0], rows[2, 1] - rows[2, 0]
    at, flags, offset = np.empty((3, ni)), np.empty(ni, np.uint8), np.empty(ni)
    first_k, first_j, first_i = np.float64(start[0]), np.float64(start[1]), np.float64(start[2])
    planes, lines = np.float64(plane), np.float64(row)
    sheet = _sheet(bent)
    for k in range(nk):
        for j in range(nj):
            made = out[k * out_plane + j * out_row :]
            _line(at, matrix, rows, bent, sheet, k, j)
            first, last = _settle(at, bounds, 0.0, flags)
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
def inside(out, matrix, rows, bounds, start, bent):  # type: ignore[no-untyped-def]
    """1 where a position lies on the source."""
    at = np.empty((3, out.shape[2]))
    sheet = _sheet(bent)
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            _line(at, matrix, rows, bent, sheet, k, j)
            _settle(at, bounds, 0.0, out[k, j])


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
def _sheet(bent):  # type: ignore[no-untyped-def]
    """Room for the points of a bend, contracted along k."""
    return np.empty((3, 0, 0)) if bent is None else np.empty((3, bent[0].shape[2], bent[0].shape[3]))


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
def _settle(at, bounds, margin, flags):  # type: ignore[no-untyped-def]
    """As ``positions.settled``, in place; flags 1 where all three are inside.  Returns the run that holds the ones."""
    flags[:] = 1
    for axis in range(3):
        low, high = np.float64(bounds[axis, 0]), np.float64(bounds[axis, 1] - 1)
        least, most, line = low - HALF, high + HALF, at[axis]
        for i in range(line.size):
            p = np.rint(line[i] * GRAIN) * (1 / GRAIN)
            flags[i] &= np.uint8(p >= least) & np.uint8(p <= most)
            p = low - margin if p < low - margin else p
            line[i] = high + margin if p > high + margin else p
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
def _weigh(at, start, plane, row, offset, weights):  # type: ignore[no-untyped-def]
    """Settled positions as flat offset of the first of four voxels an axis, and their cubic B-splines."""
    for axis in range(3):
        scale = np.float64(plane if axis == 0 else row if axis == 1 else 1)
        before, line, w = np.float64(start[axis] + 1), at[axis], weights[axis]
        for i in range(line.size):
            base = np.floor(line[i])
            offset[i] = (base - before) * scale + (offset[i] if axis else 0.0)
            w[0, i], w[1, i], w[2, i], w[3, i] = bsplines(np.float32(line[i] - base))


@register_jitable
def bsplines(part: Any) -> Any:
    """The cubic B-splines at -1, 0, 1, 2, seen from ``part`` (float32) of the way from 0 to 1."""
    p, q = part, F(1) - part
    inner, outer = (F(4) - F(3) * p * p * (F(2) - p)) * SIXTH, (F(4) - F(3) * q * q * (F(2) - q)) * SIXTH
    return q * q * q * SIXTH, inner, outer, p * p * p * SIXTH


@njit(cache=True, nogil=True)
def _sixty_four(x, offset, plane, row, weights, i):  # type: ignore[no-untyped-def]
    """The weighted sum of 4 x 4 x 4 coefficients from a flat offset on: over planes and rows, then along the row."""
    o, one = np.uint64(np.int64(offset)), np.uint64(1)
    s0 = s1 = s2 = s3 = F(0)
    for a in range(4):
        for b in range(4):
            w, q = weights[0, a, i] * weights[1, b, i], o + np.uint64(a * plane + b * row)
            s0 += w * x[q]
            s1 += w * x[q + one]
            s2 += w * x[q + one + one]
            s3 += w * x[q + one + one + one]
    near = s0 * weights[2, 0, i] + s1 * weights[2, 1, i]
    return (near + s2 * weights[2, 2, i]) + s3 * weights[2, 3, i]
