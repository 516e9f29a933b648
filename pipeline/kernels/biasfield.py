"""Division by a smooth field that is given as the B-spline of its logarithm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels import elementary, lattice, voxel
from pipeline.kernels.intensity import COMPILED, as_dtype, claim
from pipeline.kernels.lines import readable, writeable
from pipeline.kernels.tables import Table
from pipeline.xp import Array, namespace


def divide(x: Array, control: np.ndarray, tables: Sequence[Table], out: Array | None = None) -> Array:
    """``x / exp(spline)`` in the dtype of ``x``; integers are rounded half to even and clipped.

    The spline is summed in float64 along k and j and in float32 along i, its exponential and the product are
    float32: the relative error is below 1e-6 where the logarithm is below 2.

    Parameters
    ----------
    x : ``[k, j, i]``, never written; int16, uint16, uint8, float32 or float16
    control : float64 [a, b, c]
    tables : of ``lattice.rows``, one an axis, with as many rows as ``x`` has voxels along it
    out : where to write: shape and dtype of ``x``, contiguous lines, no memory in common with it

    Raises
    ------
    TypeError
        For another dtype.
    ValueError
        If ``out`` does not fit.
    """
    if x.dtype == np.float16:
        made = claim(out, x, x.shape, x.dtype)
        made[...] = divide(x.astype(np.float32), control, tables)
        return made
    if x.dtype not in COMPILED:
        raise TypeError(f"a field is divided out of {', '.join(d.name for d in COMPILED)} or float16")
    made = claim(out, x, x.shape, x.dtype)
    if namespace(x) is not np:
        made[...] = plain(x, control, tables)
    elif made.size:
        k, j, i = tables
        planes = np.ascontiguousarray(lattice.along(control, k, 0))
        index, weights = np.ascontiguousarray(i.index[:, 0]), np.ascontiguousarray(i.weights.T.astype("f4"))
        _divide(*readable(x), *writeable(made), planes, j.index, j.weights, _runs(index), index, weights)
    return made


def plain(x: Array, control: np.ndarray, tables: Sequence[Table]) -> Array:
    """The same by whole-array operations, on NumPy or CuPy: the definition that compiled code is held to."""
    xp = namespace(x)
    field = lattice.along(lattice.along(xp.asarray(control), tables[0], 0), tables[1], 1).astype(np.float32)
    field = lattice.along(field, tables[2], 2)
    return as_dtype(x.astype(np.float32) * elementary.exp(-field), x.dtype)


def _runs(index: np.ndarray) -> np.ndarray:
    """Where runs of equal numbers begin, and the end."""
    return np.concatenate([[0], np.flatnonzero(np.diff(index)) + 1, [index.size]])


@njit(cache=True, nogil=True)
def _divide(x, plane, row, out, out_plane, out_row, planes, j_index, j_weight, runs, i_index, i_weight):  # type: ignore[no-untyped-def]
    points = np.empty(planes.shape[2], np.float32)
    values = np.empty(i_index.size, np.float32)
    w0, w1, w2, w3 = i_weight[0], i_weight[1], i_weight[2], i_weight[3]
    for k in range(planes.shape[0]):
        for j in range(j_index.shape[0]):
            for c in range(points.size):
                points[c] = np.float32(lattice.blend(planes[k, :, c], j_index[j], j_weight[j]))
            for n in range(runs.size - 1):
                at = i_index[runs[n]]
                p0, p1, p2, p3 = points[at], points[at + 1], points[at + 2], points[at + 3]
                for i in range(runs[n], runs[n + 1]):
                    values[i] = -(w0[i] * p0 + w1[i] * p1 + w2[i] * p2 + w3[i] * p3)
            line, made = x[k * plane + j * row :], out[k * out_plane + j * out_row :]
            for i in range(values.size):
                made[i] = voxel.stored(np.float32(line[i]) * elementary.exp(values[i]), out)
