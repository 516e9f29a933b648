"""Launches ``linear.cu`` and ``banded.cu``: resampling along the axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from pipeline.kernels import cuda
from pipeline.kernels.ramp import DTYPES, Ramp
from pipeline.kernels.tables import Table
from pipeline.xp import Array, namespace

SOURCES = ("int16", "uint16", "uint8", "float32")

_THREADS, _LINES = (32, 8, 1), 4

Pairs = tuple[np.ndarray, np.ndarray]
"""Of an axis (rows, 2) voxels and (rows,) float32 how far a row lies from the first to the second."""


def linear(x: Array, axes: Sequence[Pairs], out: Array, ramp: Ramp | None) -> None:
    """``x`` blended between pairs of voxels, into ``out``; with ``ramp`` stored in the dtype of ``x`` before."""
    xp = namespace(x)
    columns = [column for index, part in axes for column in (_column(xp, index, "i4"), _column(xp, part, "f4"))]
    name = cuda.kernel("linear", x.dtype, out.dtype, ramp is not None)
    _one_pass(name, x, out, (*columns, *cuda.numbers(ramp)))


def nearest(x: Array, tables: Sequence[Table], out: Array) -> None:
    """``x`` at the rows of tables of one tap, into ``out``, which has the dtype of ``x``."""
    xp, word = namespace(x), np.dtype(f"u{x.dtype.itemsize}")
    columns = [_column(xp, t.index[:, 0], "i4") for t in tables]
    _one_pass(cuda.kernel("nearest", word), x.view(word), out.view(word), columns)


def banded(x: Array, tables: Sequence[Table], order: Sequence[int], out: Array, ramp: Ramp | None) -> None:
    """``x`` summed by the rows of the tables, one axis after the other in ``order``, into ``out``.

    What lies between is float32; with ``ramp`` a sum is stored in the dtype of ``x`` before.
    """
    xp, y, kept = namespace(x), x, x.dtype if ramp is not None else out.dtype
    for axis in order[:-1]:
        shape = list(y.shape)
        shape[axis] = len(tables[axis].index)
        made = xp.empty(shape, np.float32)
        _sum(y, tables[axis], axis, made, made.dtype, None)
        y = made
    _sum(y, tables[order[-1]], order[-1], out, kept, ramp)


def _sum(x: Array, table: Table, axis: int, out: Array, kept: np.dtype, ramp: Ramp | None) -> None:
    xp = namespace(x)
    nk, nj, ni = out.shape
    down, deep = (nk, nj) if axis == 0 else (nj, nk)
    blocks = (cuda.parts(ni, _THREADS[0]), cuda.parts(down, _THREADS[1]), deep)
    shape = map(np.int32, (nk, nj, ni, table.taps))
    rows = (_column(xp, table.index.T, "i4"), _column(xp, table.weights.T, "f4"))
    name = cuda.kernel("banded", x.dtype, kept, out.dtype, ramp is not None, axis)
    arguments = (*cuda.readable(x), *cuda.writeable(out), *shape, *rows, *cuda.numbers(ramp))
    cuda.launch("banded.cu", name, blocks, _THREADS, arguments)


def _one_pass(name: str, x: Array, out: Array, rest: Sequence[Any]) -> None:
    nk, nj, ni = out.shape
    blocks = (cuda.parts(ni, _THREADS[0]), cuda.parts(nj, _THREADS[1] * _LINES), nk)
    cuda.launch(
        "linear.cu",
        name,
        blocks,
        _THREADS,
        (*cuda.readable(x), *cuda.writeable(out), np.int32(nj), np.int32(ni), *rest),
    )


def _column(xp: Any, values: np.ndarray, dtype: str) -> Array:
    return xp.asarray(np.ascontiguousarray(values, dtype))


def _linear_kernels() -> list[str]:
    stored = {(t, made, False) for t in SOURCES for made in (t, "float32", "float16")}
    through = {(t, made, True) for t, made in product(SOURCES, DTYPES)}
    moved = [cuda.kernel("nearest", f"uint{bits}") for bits in (8, 16, 32, 64)]
    return [cuda.kernel("linear", *how) for how in sorted(stored | through)] + moved


def _banded_kernels() -> list[str]:
    """From a source to float32 along j and i, from there to what is stored along k."""
    between = {(t, "float32", "float32", False, axis) for t in SOURCES for axis in (1, 2)}
    last = {("float32", made, made, False, 0) for made in (*SOURCES, "float16")}
    last |= {("float32", t, made, True, 0) for t, made in product(SOURCES, DTYPES)}
    return [cuda.kernel("banded", *how) for how in sorted(between | last)]


KERNELS = {"linear.cu": _linear_kernels(), "banded.cu": _banded_kernels()}
"""All instances, by source."""
