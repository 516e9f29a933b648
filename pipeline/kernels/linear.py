"""Resampling by tables of two taps: four source lines blended into one, then one gather along it.

::

    (k0, j0) ----+                        each blend is a + w * (b - a) in float32: along j, along k,
    (k0, j1) ----+--> line --> out line   along i, in this order; where a == b the result is a, so a
    (k1, j0) ----+                        constant stays constant to the bit
    (k1, j1) ----+
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels import voxel
from pipeline.kernels.cuda import resample as cuda
from pipeline.kernels.lines import readable, writeable
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.tables import Table
from pipeline.xp import Array, namespace

PASSES = (1, 0, 2)
"""The order of the axes."""


def linear(x: Array, tables: Sequence[Table], out: Array, ramp: Ramp | None) -> None:
    """Writes ``out``, not empty, of the shape of three tables that count from the first voxel of ``x``."""
    if namespace(x) is not np:
        cuda.linear(x, list(map(pairs, tables)), out, ramp)
        return
    # Unsigned 32 bits: no test for negative indices, and half the index traffic of the gather.
    k, j, i = ((index.astype(np.uint32), part) for index, part in map(pairs, tables))
    lines, made = readable(x), writeable(voxel.bits(out))
    _linear(*lines, x.shape[2], *made, *k, *j, *i, voxel.numbers(ramp, out.dtype))


def pairs(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Two voxels a row, and how far it lies from the first to the second as float32; one tap is that voxel twice."""
    if table.taps == 1:
        return np.repeat(table.index, 2, 1), np.zeros(len(table.index), np.float32)
    return table.index, table.weights[:, 1].astype(np.float32)


def by_definition(x: Array, tables: Sequence[Table]) -> Array:
    """float32 ``[k, j, i]``: the same by whole-array operations, which compiled code is held to."""
    xp, y = namespace(x), x.astype(np.float32)
    for axis in PASSES:
        index, part = pairs(tables[axis])
        near, far = (xp.take(y, xp.asarray(index[:, n]), axis) for n in (0, 1))
        y = near + xp.asarray(part.reshape([-1 if a == axis else 1 for a in range(3)])) * (far - near)
    return y


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
