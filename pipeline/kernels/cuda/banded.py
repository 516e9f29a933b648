"""Launches ``banded.cu``: separable operators of any number of taps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from pipeline.kernels import cuda
from pipeline.kernels.ramp import DTYPES, Ramp
from pipeline.kernels.tables import Table
from pipeline.xp import Array, namespace

SOURCES = ("int16", "uint16", "uint8", "float32")


def _closed() -> tuple[str, ...]:
    """From a source to float32 and between; from there to what is stored; or all at once."""
    found = {("float32", "float32", "float32", False)}
    found |= {(t, "float32", "float32", False) for t in SOURCES}
    found |= {("float32", t, t, False) for t in SOURCES} | {("float32", "float16", "float16", False)}
    found |= {("float32", t, made, True) for t, made in product(SOURCES, DTYPES)}
    return tuple(cuda.kernel("banded", *types, axis) for types in sorted(found) for axis in (0, 1, 2))


KERNELS = _closed()
"""All instances."""

_THREADS = (32, 8, 1)


def banded(
    x: Array, table: Table, axis: int, out: Array, kept: np.dtype | None = None, ramp: Ramp | None = None
) -> None:
    """``x`` combined along ``axis`` by the rows of ``table``, into ``out``.

    ``kept`` is the dtype in which a voxel is stored before ``ramp``; that of ``out`` where None.
    """
    xp = namespace(x)
    name = cuda.kernel("banded", x.dtype, out.dtype if kept is None else kept, out.dtype, ramp is not None, axis)
    nk, nj, ni = out.shape
    down, deep = (nk, nj) if axis == 0 else (nj, nk)
    blocks = (cuda.parts(ni, _THREADS[0]), cuda.parts(down, _THREADS[1]), deep)
    index = xp.asarray(np.ascontiguousarray(table.index.T, "i4"))
    weights = xp.asarray(np.ascontiguousarray(table.weights.T, "f4"))
    numbers = (0, 0, 0, 0) if ramp is None else (ramp.low, ramp.high, ramp.base, ramp.scale)
    shape = map(np.int32, (nk, nj, ni, table.taps))
    arguments = (*cuda.lines(x), *cuda.lines(out), *shape, index, weights, *map(np.float32, numbers))
    cuda.launch("banded.cu", name, blocks, _THREADS, arguments)
