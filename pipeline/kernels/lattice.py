"""A smooth function of three axes as a cubic B-spline on a lattice of control points.

::

    knots            0     1     2     3          n spans; u is counted in spans from the first knot
                     |-----|-----|-----|
    control points  x     x     x     x     x     x        n + 3 an axis; four of them make a value

The spline is separable: it is evaluated, and its transpose summed, along k, then j, then i, in float64 and in one
order, so a value is a function of its own place and never of the array at hand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels.tables import GRAIN, Table
from pipeline.xp import Array, namespace

TAPS = 4
"""Control points along an axis that make a value."""


def rows(step: float, offset: float, bounds: tuple[int, int], spans: int) -> Table:
    """The uniform cubic B-spline at ``u = step * t + offset`` spans, for t of ``bounds``.

    What lies outside the knots has the value of the nearest one inside.

    >>> rows(1.0, 0.0, (0, 1), 1).weights.round(3).tolist()
    [[0.167, 0.667, 0.167, 0.0]]
    """
    u = np.rint((np.arange(*bounds, dtype="f8") * step + offset) * GRAIN) / GRAIN
    u = np.clip(u, 0, spans)
    base = np.minimum(np.floor(u), spans - 1)
    t = u - base
    s = 1 - t
    weights = np.stack(
        [
            s * s * s / 6,
            (3 * t * t * t - 6 * t * t + 4) / 6,
            (3 * s * s * s - 6 * s * s + 4) / 6,
            t * t * t / 6,
        ],
        axis=1,
    )
    index = base.astype("i8")[:, None] + np.arange(TAPS)
    return Table(index, weights, np.ones(u.size, np.bool_))


def evaluate(control: np.ndarray, tables: Sequence[Table]) -> np.ndarray:
    """float64 [k, j, i]: the spline of ``control`` [a, b, c] at the rows of three tables."""
    out = np.empty(tuple(len(t.weights) for t in tables))
    if out.size:
        k, j, i = tables
        _evaluate(control.astype("f8"), k.index, k.weights, j.index, j.weights, i.index, i.weights, out)
    return out


def along(x: Array, table: Table, axis: int) -> Array:
    """``x`` at the rows of a table along one axis, first tap first; NumPy or CuPy, in the dtype of ``x``."""
    xp = namespace(x)
    column = [-1 if a == axis else 1 for a in range(3)]
    taps = (
        xp.asarray(table.weights[:, n].astype(x.dtype).reshape(column))
        * xp.take(x, xp.asarray(table.index[:, n]), axis)
        for n in range(TAPS)
    )
    total = next(taps)
    for tap in taps:
        total = total + tap
    return total


def spread(values: np.ndarray, tables: Sequence[Table], control: Sequence[int], power: int) -> np.ndarray:
    """float64 [a, b, c]: over all voxels, the value times the weight of each control point to ``power``.

    With ``power`` 1 the transpose of ``evaluate``.
    """
    total = np.zeros(tuple(control))
    if values.size:
        (k, wk), (j, wj), (i, wi) = ((t.index, t.weights**power) for t in tables)
        _spread(np.ascontiguousarray(values, "f8"), k, wk, j, wj, i, wi, total)
    return total


def approximate(values: np.ndarray, mask: np.ndarray, tables: Sequence[Table], control: Sequence[int]) -> np.ndarray:
    """float64 [a, b, c]: control points that approximate ``values`` [k, j, i] where ``mask`` is not 0.

    The mean of what each voxel asks for, weighted by its own influence: S. Lee, G. Wolberg, S. Y. Shin, Scattered
    data interpolation with multilevel B-splines, IEEE Trans. Vis. Comput. Graph. 3(3), 1997, equations 3 to 5::

        phi_c = sum_p w_pc^2 (w_pc z_p / sum_d w_pd^2) / sum_p w_pc^2
    """
    shares = [(t.weights * t.weights).sum(axis=1) for t in tables]
    share = shares[0][:, None, None] * shares[1][:, None] * shares[2]
    inside = mask.astype("f8")
    asked = spread(values * inside / share, tables, control, 3)
    weight = spread(inside, tables, control, 2)
    return np.divide(asked, weight, out=np.zeros_like(asked), where=weight > 0)


def refine(control: np.ndarray) -> np.ndarray:
    """The same spline on spans of half the length: n spans an axis become 2 n.

    The two-scale relation of cubic B-splines: (1, 4, 6, 4, 1) / 8.
    """
    for axis in range(3):
        c = np.moveaxis(control, axis, 0)
        fine = np.empty((2 * len(c) - 3, *c.shape[1:]))
        fine[0::2] = (c[:-1] + c[1:]) / 2
        fine[1::2] = (c[:-2] + 6 * c[1:-1] + c[2:]) / 8
        control = np.moveaxis(fine, 0, axis)
    return np.ascontiguousarray(control)


@njit(cache=True, nogil=True)
def _evaluate(control, k_index, k_weight, j_index, j_weight, i_index, i_weight, out):  # type: ignore[no-untyped-def]
    plane, line = np.empty(control.shape[1:]), np.empty(control.shape[2])
    for k in range(out.shape[0]):
        for b in range(plane.shape[0]):
            for c in range(plane.shape[1]):
                plane[b, c] = blend(control[:, b, c], k_index[k], k_weight[k])
        for j in range(out.shape[1]):
            for c in range(line.size):
                line[c] = blend(plane[:, c], j_index[j], j_weight[j])
            for i in range(out.shape[2]):
                out[k, j, i] = blend(line, i_index[i], i_weight[i])


@njit(cache=True, nogil=True)
def blend(points, index, weight):  # type: ignore[no-untyped-def]
    """Of one place: the sum over its taps, first tap first."""
    a, b = weight[0] * points[index[0]], weight[1] * points[index[1]]
    c, d = weight[2] * points[index[2]], weight[3] * points[index[3]]
    return a + b + c + d


@njit(cache=True, nogil=True)
def _spread(values, k_index, k_weight, j_index, j_weight, i_index, i_weight, total):  # type: ignore[no-untyped-def]
    plane, line = np.empty(total.shape[1:]), np.empty(total.shape[2])
    for k in range(values.shape[0]):
        plane[:] = 0
        for j in range(values.shape[1]):
            line[:] = 0
            for i in range(values.shape[2]):
                z = values[k, j, i]
                for n in range(4):
                    line[i_index[i, n]] += z * i_weight[i, n]
            for n in range(4):
                for c in range(line.size):
                    plane[j_index[j, n], c] += j_weight[j, n] * line[c]
        for n in range(4):
            for b in range(plane.shape[0]):
                for c in range(plane.shape[1]):
                    total[k_index[k, n], b, c] += k_weight[k, n] * plane[b, c]
