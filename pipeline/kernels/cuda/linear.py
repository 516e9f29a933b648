"""Launches ``linear.cu``: resampling along the axes in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from pipeline.kernels import cuda
from pipeline.kernels.ramp import DTYPES, Ramp
from pipeline.kernels.tables import Table
from pipeline.xp import Array, namespace

SOURCES = ("int16", "uint16", "uint8", "float32")
KERNELS = (
    *(cuda.kernel("linear", t, t, False) for t in SOURCES),
    *(cuda.kernel("linear", t, made, False) for t in SOURCES for made in ("float32", "float16") if made != t),
    *(cuda.kernel("linear", t, made, True) for t, made in product(SOURCES, DTYPES)),
    *(cuda.kernel("nearest", f"uint{bits}") for bits in (8, 16, 32, 64)),
)
"""All instances."""

_THREADS, _LINES = (32, 8, 1), 4


def linear(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    """``x`` at the rows of tables of two taps, into ``out``; through ``ramp``, stored in the dtype of ``x`` before."""
    xp = namespace(x)
    axes = [part for t in tables for part in (_column(xp, t.index, "i4"), _column(xp, t.weights[:, 1], "f4"))]
    numbers = (0, 0, 0, 0) if ramp is None else (ramp.low, ramp.high, ramp.base, ramp.scale)
    name = cuda.kernel("linear", x.dtype, out.dtype, ramp is not None)
    _launch(name, x, out, (*axes, *map(np.float32, numbers)))


def nearest(x: Array, tables: Sequence[Table], out: Array) -> None:
    """``x`` at the rows of tables of one tap, into ``out``, which has the dtype of ``x``."""
    xp, word = namespace(x), np.dtype(f"u{x.dtype.itemsize}")
    axes = [_column(xp, t.index[:, 0], "i4") for t in tables]
    _launch(cuda.kernel("nearest", word), x.view(word), out.view(word), axes)


def _launch(name: str, x: Array, out: Array, rest: Sequence[object]) -> None:
    nk, nj, ni = out.shape
    blocks = (cuda.parts(ni, _THREADS[0]), cuda.parts(nj, _THREADS[1] * _LINES), nk)
    cuda.launch("linear.cu", name, blocks, _THREADS, (*cuda.lines(x), *cuda.lines(out), *map(np.int32, (nj, ni)), *rest))


def _column(xp: object, values: np.ndarray, dtype: str) -> Array:
    return xp.asarray(np.ascontiguousarray(values, dtype))  # type: ignore[attr-defined]
