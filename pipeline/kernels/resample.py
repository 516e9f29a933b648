"""Resampling along the axes of a volume: one table an axis.

Tables of one tap move bits, tables of two blend, all others are sums: the longest of the three says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from pipeline.kernels import intensity
from pipeline.kernels.banded import banded
from pipeline.kernels.intensity import COMPILED, claim
from pipeline.kernels.linear import linear
from pipeline.kernels.nearest import nearest
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
    value = finished_fill(fill, x.dtype, dtype, ramp)
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


def _body(tables: Sequence[Table]) -> Body:
    """The arithmetic that the tables ask for."""
    taps = max(t.taps for t in tables)
    if taps > 2 and any((np.diff(t.index) != 1).any() for t in tables):
        raise ValueError("beside tables of many taps, rows must look at voxels that follow one another")
    return {1: nearest, 2: linear}.get(taps, banded)


def _seen(x: Array, tables: Sequence[Table], start: Sequence[int]) -> tuple[list[Table], Array]:
    """The part of ``x`` that is looked at, and the tables counted from its first voxel."""
    spans = [(a - s, b - s) for (a, b), s in zip((t.span for t in tables), start, strict=True)]
    if any(a < 0 or b > n for (a, b), n in zip(spans, x.shape, strict=True)):
        raise ValueError("the tables look beyond the array")
    moved = [replace(t, index=t.index - s - a) for t, s, (a, _) in zip(tables, start, spans, strict=True)]
    return moved, x[tuple(slice(a, b) for a, b in spans)]


def finished_fill(fill: float, source: np.dtype, dtype: np.dtype, ramp: Ramp | None) -> float:
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
        out[(slice(None),) * axis + (slice(0, run.start),)] = value
        out[(slice(None),) * axis + (slice(run.stop, None),)] = value
