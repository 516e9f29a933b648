"""Resampling along the axes of a volume: one table an axis.

Tables of one tap move bits, tables of two blend, all others are sums: the longest of the three says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

<<<<<<< HEAD
from pipeline.kernels import banded, intensity, voxel
from pipeline.kernels.cuda import resample as cuda
from pipeline.kernels.intensity import COMPILED, as_dtype, claim
from pipeline.kernels.lines import readable, writeable
=======
from pipeline.kernels import intensity
from pipeline.kernels.banded import banded
from pipeline.kernels.intensity import COMPILED, claim
from pipeline.kernels.linear import linear
from pipeline.kernels.nearest import nearest
>>>>>>> main
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.tables import Table
from pipeline.xp import Array

Body = Callable[[Array, Sequence[Table], Array, Ramp | None], None]
"""Writes its third argument from an array and three tables, all rows inside, that count from its first voxel."""


def resample(
    x: Array,
    tables: Sequence[Table],
    start: Sequence[int],
    *,
    fill: float,
    dtype: np.dtype | str | None = None,
    ramp: Ramp | None = None,
    out: Array | None = None,
) -> Array:
    """``x`` at the rows of three tables.

    Parameters
    ----------
    x : ``[k, j, i]``, never written: native int16, uint16, uint8 or float32; any dtype where all tables have one tap
    tables : one an axis, of any number of taps
    start : source lattice index of ``x[0, 0, 0]``
    fill : value of rows that are not inside, rounded and clipped to the dtype
    dtype : of the result: that of ``x`` (default), float32 or float16.  Integers are rounded half to even and clipped.
    ramp : applied to what would have been stored in the dtype of ``x``; the bits of resampling, then ``ramp``
    out : where to write: contiguous lines, shape and dtype of the result, no memory in common with ``x``

    Returns
    -------
    ``[k, j, i]``, as many voxels along an axis as its table has rows

    A NaN spreads to every voxel that looks at it, with weight 0 too.

    Raises
    ------
    TypeError
        For a dtype that cannot be interpolated or made.
    ValueError
        If the inside rows look beyond ``x``, those of three taps and more have gaps, or ``out`` does not fit.
    """
    dtype = _result(x.dtype, tables, dtype, ramp)
    value = _finished_fill(fill, x.dtype, dtype, ramp)
    return within(x, tables, start, _body(tables), value, dtype, ramp, out)


def within(
    x: Array,
    tables: Sequence[Table],
    start: Sequence[int],
    body: Body,
    fill: float,
    dtype: np.dtype,
    ramp: Ramp | None = None,
    out: Array | None = None,
) -> Array:
    """What ``body`` makes of the rows that are inside, among ``fill``; else as ``resample``."""
    runs = tuple(t.run for t in tables)
    inner = [t.crop(run) for t, run in zip(tables, runs, strict=True)]
    made = claim(out, x, tuple(len(t.inside) for t in tables), dtype)
    box = made[runs]
    if box.shape != made.shape:
        _fill(made, runs, fill)
    if box.size:
        inner, seen = _seen(x, inner, start)
        body(seen, inner, box, ramp)
    return made


def _result(source: np.dtype, tables: Sequence[Table], dtype: np.dtype | str | None, ramp: Ramp | None) -> np.dtype:
    """The dtype of the result, or why there is none."""
    if len(tables) != 3:
        raise ValueError("resampling takes three tables")
    nearest = all(t.taps == 1 for t in tables)
    if not nearest and source not in COMPILED:
        raise TypeError(f"interpolation takes native {', '.join(d.name for d in COMPILED)}")
    if ramp is not None:
        return ramp.dtype
    wanted = source if dtype is None else np.dtype(dtype)
    if wanted != source and (nearest or wanted not in (np.float32, np.float16)):
        raise TypeError("resampling gives the dtype it takes; interpolation also float32 and float16")
    return wanted


<<<<<<< HEAD
def _body(x: Array, tables: Sequence[Table]) -> Body:
    """The arithmetic that the tables ask for, in the form for the array."""
    compiled, taps = namespace(x) is np, max(t.taps for t in tables)
    if taps == 1:
        return _gather if compiled else _gather_by_cuda
    if taps == 2:
        return _blend if compiled else _blend_by_cuda
    if any((np.diff(t.index) != 1).any() for t in tables):
        raise ValueError("a row of many taps must look at voxels that follow one another")
    return banded.banded if compiled else _sum_by_cuda
=======
def _body(tables: Sequence[Table]) -> Body:
    """The arithmetic that the tables ask for."""
    taps = max(t.taps for t in tables)
    if taps > 2 and any((np.diff(t.index) != 1).any() for t in tables):
        raise ValueError("beside tables of many taps, rows must look at voxels that follow one another")
    return {1: nearest, 2: linear}.get(taps, banded)
>>>>>>> main


def _seen(x: Array, tables: Sequence[Table], start: Sequence[int]) -> tuple[list[Table], Array]:
    """The part of ``x`` that is looked at, and the tables counted from its first voxel."""
    spans = [(a - s, b - s) for (a, b), s in zip((t.span for t in tables), start, strict=True)]
    if any(a < 0 or b > n for (a, b), n in zip(spans, x.shape, strict=True)):
        raise ValueError("the tables look beyond the array")
    moved = [replace(t, index=t.index - s - a) for t, s, (a, _) in zip(tables, start, spans, strict=True)]
    return moved, x[tuple(slice(a, b) for a, b in spans)]


def _finished_fill(fill: float, source: np.dtype, dtype: np.dtype, ramp: Ramp | None) -> float:
    """The fill value as it stands in the result."""
    first = source if ramp is not None else dtype
    if first.kind in "iub":
        info = np.iinfo(first) if first.kind != "b" else np.iinfo("u1")
        fill = min(max(round(fill), info.min), info.max)
    value = np.full((1, 1, 1), fill, first)
    return (value if ramp is None else intensity.plain(value, ramp)).item()


def _fill(out: Array, runs: Sequence[slice], value: float) -> None:
    """Writes ``value`` to all rows outside ``runs``."""
    for axis, run in enumerate(runs):
<<<<<<< HEAD
        out[(slice(None),) * axis + (slice(0, run.start),)] = value.item()
        out[(slice(None),) * axis + (slice(run.stop, None),)] = value.item()


def _pairs(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Two voxels a row and float32 how far it lies from the first to the second; one tap is that voxel twice."""
    if table.taps == 1:
        return np.repeat(table.index, 2, 1), np.zeros(len(table.index), np.float32)
    return table.index, table.weights[:, 1].astype(np.float32)


# Compiled: NumPy arrays


def _blend(x: np.ndarray, tables: Sequence[Table], out: np.ndarray, ramp: Ramp | None) -> None:
    # Unsigned 32 bits: no test for negative indices, and half the index traffic of the gather.
    k, j, i = ((near_far.astype(np.uint32), part) for near_far, part in map(_pairs, tables))
    lines, made = readable(x), writeable(voxel.bits(out))
    _linear(*lines, x.shape[2], *made, *k, *j, *i, voxel.numbers(ramp, out.dtype))


def _gather(x: np.ndarray, tables: Sequence[Table], out: np.ndarray, ramp: Ramp | None) -> None:
    # Nearest moves bits and computes nothing: one compiled form for each size of a voxel.
    made = out if ramp is None else np.empty(out.shape, x.dtype)
    word = np.dtype(f"u{x.dtype.itemsize}")
    k, j, i = (t.index[:, 0].astype(np.uint32) for t in tables)
    _nearest(*readable(x.view(word)), *writeable(made.view(word)), k, j, i)
    if ramp is not None:
        intensity.ramp(made, ramp, out=out)


@njit(cache=True, nogil=True)
def _linear(x, plane, row, width, out, out_plane, out_row, k_index, k_part, j_index, j_part, i_index, i_part, ramp):  # type: ignore[no-untyped-def]
    blended, values = np.empty(width, np.float32), np.empty(i_part.size, np.float32)
    for k in range(k_part.size):
        wk, k0, k1 = k_part[k], k_index[k, 0] * plane, k_index[k, 1] * plane
        for j in range(j_part.size):
            wj, j0, j1 = j_part[j], j_index[j, 0] * row, j_index[j, 1] * row
            a, b, c, d = x[k0 + j0 :], x[k0 + j1 :], x[k1 + j0 :], x[k1 + j1 :]
            for i in range(width):
                near, far = np.float32(a[i]), np.float32(c[i])
                near += wj * (np.float32(b[i]) - near)
                far += wj * (np.float32(d[i]) - far)
                blended[i] = near + wk * (far - near)
            made = out[k * out_plane + j * out_row :]
            for i in range(i_part.size):
                left, right = blended[i_index[i, 0]], blended[i_index[i, 1]]
                values[i] = left + i_part[i] * (right - left)
            for i in range(i_part.size):
                made[i] = voxel.finished(values[i], x, out, ramp)


@njit(cache=True, nogil=True)
def _nearest(x, plane, row, out, out_plane, out_row, k_index, j_index, i_index):  # type: ignore[no-untyped-def]
    for k in range(k_index.size):
        for j in range(j_index.size):
            line = x[k_index[k] * plane + j_index[j] * row :]
            made = out[k * out_plane + j * out_row :]
            for i in range(i_index.size):
                made[i] = line[i_index[i]]


# CUDA: CuPy arrays


def _blend_by_cuda(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    cuda.linear(x, list(map(_pairs, tables)), out, ramp)


def _gather_by_cuda(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    made = out if ramp is None else namespace(x).empty(out.shape, x.dtype)
    cuda.nearest(x, tables, made)
    if ramp is not None:
        intensity.ramp(made, ramp, out=out)


def _sum_by_cuda(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    cuda.banded(x, tables, banded.PASSES, out, ramp)


# By whole-array operations: the definition that the compiled forms are held to


def _lerp(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    xp, y = namespace(x), x.astype(np.float32)
    for axis in AXES:
        index, part = _pairs(tables[axis])
        near, far = (xp.take(y, xp.asarray(index[:, n]), axis) for n in (0, 1))
        y = near + xp.asarray(part.reshape([-1 if a == axis else 1 for a in range(3)])) * (far - near)
    _finish(as_dtype(y, out.dtype if ramp is None else x.dtype), out, ramp)


def _sum(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    y = banded.by_definition(x, tables)
    _finish(as_dtype(y, out.dtype if ramp is None else x.dtype), out, ramp)


def _take(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    xp, y = namespace(x), x
    for axis in AXES:
        y = xp.take(y, xp.asarray(tables[axis].index[:, 0]), axis)
    _finish(y, out, ramp)


def _finish(y: Array, out: Array, ramp: Ramp | None) -> None:
    out[...] = y if ramp is None else intensity.plain(y, ramp)
=======
        out[(slice(None),) * axis + (slice(0, run.start),)] = value
        out[(slice(None),) * axis + (slice(run.stop, None),)] = value
>>>>>>> main
