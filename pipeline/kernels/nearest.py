"""Resampling by tables of one tap: bits are moved, and nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels import intensity
from pipeline.kernels.cuda import resample as cuda
from pipeline.kernels.lines import readable, writeable
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.tables import Table
from pipeline.xp import Array, namespace


def nearest(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    """Writes ``out``, not empty, of the shape of three tables of one tap that count from the first voxel of ``x``."""
    made = out if ramp is None else namespace(x).empty(out.shape, x.dtype)
    if namespace(x) is not np:
        cuda.nearest(x, tables, made)
    else:
        # One compiled form for each size of a voxel.
        word = np.dtype(f"u{x.dtype.itemsize}")
        k, j, i = (t.index[:, 0].astype(np.uint32) for t in tables)
        _nearest(*readable(x.view(word)), *writeable(made.view(word)), k, j, i)
    if ramp is not None:
        intensity.ramp(made, ramp, out=out)


def by_definition(x: Array, tables: Sequence[Table]) -> Array:
    """``[k, j, i]`` of the dtype of ``x``: the same by whole-array operations, which compiled code is held to."""
    xp, y = namespace(x), x
    for axis, table in enumerate(tables):
        y = xp.take(y, xp.asarray(table.index[:, 0]), axis)
    return y


@njit(cache=True, nogil=True)
def _nearest(x, plane, row, out, out_plane, out_row, k_index, j_index, i_index):  # type: ignore[no-untyped-def]
    for k in range(k_index.size):
        for j in range(j_index.size):
            line = x[k_index[k] * plane + j_index[j] * row :]
            made = out[k * out_plane + j * out_row :]
            for i in range(i_index.size):
                made[i] = line[i_index[i]]
