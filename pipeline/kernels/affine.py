"""Resampling where axes are not parallel: oblique, sheared, rotated or bent.

::

    x --(smoothing and prefilter: one table an axis, on the source's own lattice)--> voxels or coefficients
      --(at every position the nearest, 8 blended, or 64 weighted)--> target

Linear interpolation blends along i, j and k in this order, each blend ``a + w * (b - a)`` in float32: where a == b the
result is a, so a constant stays constant to the bit.  Cubic interpolation weighs B-spline coefficients in float32, over
k and j first, then along i.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from pipeline.kernels import gather, intensity, tables, voxel
from pipeline.kernels.cuda import affine as cuda
from pipeline.kernels.intensity import COMPILED, as_dtype, claim
from pipeline.kernels.lines import readable, writeable
from pipeline.kernels.positions import Positions, Spans, settled
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.resample import finished_fill, resample
from pipeline.kernels.tables import HALF, Table
from pipeline.xp import Array, namespace

SHARP = (0.0, 0.0, 0.0)
"""No smoothing."""

STRAIGHT = np.empty((3, 0, 0, 0)), (np.empty(0, "i8"),) * 3, (np.empty((0, 4)),) * 3
"""No bend, as compiled code takes it."""

_FORMS = {1: gather.linear, 3: gather.cubic}


def affine(
    x: Array,
    at: Positions,
    start: Sequence[int],
    *,
    order: int = 1,
    sigma: Sequence[float] = SHARP,
    fill: float,
    dtype: np.dtype | str | None = None,
    ramp: Ramp | None = None,
    out: Array | None = None,
) -> Array:
    """``x`` at the positions of a target.

    Parameters
    ----------
    x : ``[k, j, i]``, never written.  Order 0: any dtype; else native int16, uint16, uint8 or float32.
    at : the positions, with the rows of the target and the bounds of the whole source
    start : source lattice index of ``x[0, 0, 0]``
    order : of the B-spline: 0 (nearest), 1 (linear) or 3 (cubic, mirrored at the border)
    sigma : of a Gaussian along k, j, i of the source before, in its voxels; without effect on order 0
    fill : value of voxels that are not inside, rounded and clipped to the dtype
    dtype, ramp, out : as in ``resample``

    Returns
    -------
    ``[k, j, i]``, as many voxels along an axis as the target has rows

    A NaN spreads to every voxel that looks at it, with weight 0 too.  A cubic overshoots at edges; integers are clipped
    to their type.

    Raises
    ------
    TypeError
        For a dtype that cannot be interpolated or made.
    ValueError
        If the positions look beyond ``x``, the order is another, or ``out`` does not fit.
    """
    kept = _kept(x.dtype, order, None if ramp is not None else dtype)
    made = claim(out, x, at.shape, ramp.dtype if ramp is not None else kept)
    if not made.size:
        return made
    for (low, high), first, n in zip(reach(at, order, sigma), start, x.shape, strict=True):
        if low < first or high > first + n:
            raise ValueError("the positions look beyond the array")
    filters = _filters(at, order, sigma)
    if filters:
        if all(t.taps == 1 for t in filters):
            x = x.astype(np.float32)
        x, start = resample(x, filters, start, fill=0, dtype="float32"), [low for low, _ in at.span(order)]
    body = _compiled if namespace(x) is np else _by_cuda
    body(x, at, start, order, kept, fill, ramp, made)
    return made


def vote(x: Array, at: Positions, start: Sequence[int]) -> Array:
    """Of labels ``x`` at the positions the one with the most weight, each interpolated linearly as a mask of its own.

    Of several with the same weight the lowest; 0 beyond the source.
    """
    xp = namespace(x)
    made, most = xp.zeros(at.shape, x.dtype), xp.zeros(at.shape, np.float32)
    for label in xp.unique(x).tolist():
        weight = affine((x == label).astype(np.float32), at, start, order=1, fill=0)
        wins = weight > most
        made[wins], most[wins] = label, weight[wins]
    return made


def reach(at: Positions, order: int, sigma: Sequence[float] = SHARP) -> Spans:
    """The source voxels that the positions look at, smoothing and prefilter included; one at least."""
    k, j, i = [t.span for t in _filters(at, order, sigma)] or at.span(order)
    return k, j, i


def inside(at: Positions, xp: ModuleType = np) -> Array:
    """uint8 ``[k, j, i]``: 1 where a voxel of the target lies on the source, 0 where it is fill."""
    made = xp.empty(at.shape, np.uint8)
    if xp is np:
        for k in range(at.shape[0] if made.size else 0):
            gather.inside(made[k], k, *_geometry(at, (0, 0, 0)))
    elif made.size:
        cuda.inside(at, made)
    return made


def _kept(source: np.dtype, order: int, dtype: np.dtype | str | None) -> np.dtype:
    """The dtype in which a voxel is stored before any ramp, or why there is none."""
    if order not in (0, 1, 3):
        raise ValueError("order must be 0, 1 or 3")
    if order and source not in COMPILED:
        raise TypeError(f"interpolation takes native {', '.join(d.name for d in COMPILED)}")
    kept = source if dtype is None else np.dtype(dtype)
    if kept != source and (order == 0 or kept not in (np.float32, np.float16)):
        raise TypeError("resampling gives the dtype it takes; interpolation also float32 and float16")
    return kept


def _filters(at: Positions, order: int, sigma: Sequence[float]) -> list[Table]:
    """Of each axis, what makes of voxels the coefficients that the positions look at; none where voxels will do."""
    if order == 0 or (order == 1 and not any(sigma)):
        return []
    made = []
    for rows, bounds, width in zip(at.span(order), at.bounds, sigma, strict=True):
        axis = tables.prefilter(rows, bounds) if order == 3 else tables.spline(1.0, 0.0, 0, rows, bounds)
        made.append(tables.smoothed(axis, width, bounds))
    return made


def _geometry(at: Positions, start: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Any]:
    """Positions as compiled code takes them; of no bend, empty arrays."""
    rows, bounds = np.array(at.rows, "i8"), np.array(at.bounds, "i8")
    bend = STRAIGHT if at.bend is None else (at.bend.points, at.bend.first, at.bend.weights)
    return at.matrix, rows, bounds, np.array(start, "i8"), bend


def _compiled(
    x: Array,
    at: Positions,
    start: Sequence[int],
    order: int,
    kept: np.dtype,
    fill: float,
    ramp: Ramp | None,
    out: Array,
) -> None:
    geometry = _geometry(at, start)
    if order == 0:
        # Nearest moves bits and computes nothing: one compiled form for each size of a voxel.
        made = out if ramp is None else np.empty(out.shape, x.dtype)
        word = np.dtype(f"u{x.dtype.itemsize}")
        value = np.full(1, finished_fill(fill, kept, kept, None), kept).view(word)[0]
        source, (flat, plane, row) = readable(x.view(word)), writeable(made.view(word))
        for k in range(out.shape[0]):
            gather.nearest(*source, flat[k * plane :], row, value, k, *geometry)
        if ramp is not None:
            intensity.ramp(made, ramp, out=out)
        return
    form, source, (flat, plane, row) = _FORMS[order], readable(x), writeable(voxel.bits(out))
    values, flags = np.empty(out.shape[1:], np.float32), np.empty(out.shape[1:], np.uint8)
    value = voxel.bits(np.full(1, finished_fill(fill, kept, out.dtype, ramp), out.dtype))[0]
    like = np.empty(0, kept)
    for k in range(out.shape[0]):
        form(*source, values, flags, k, *geometry)
        gather.finish(values, flags, voxel.bits(like), value, flat[k * plane :], row, voxel.numbers(ramp, out.dtype))


def _by_cuda(
    x: Array,
    at: Positions,
    start: Sequence[int],
    order: int,
    kept: np.dtype,
    fill: float,
    ramp: Ramp | None,
    out: Array,
) -> None:
    if order:
        cuda.interpolated(x, at, start, order, kept, finished_fill(fill, kept, out.dtype, ramp), ramp, out)
        return
    made = out if ramp is None else namespace(x).empty(out.shape, x.dtype)
    cuda.nearest(x, at, start, finished_fill(fill, kept, kept, None), made)
    if ramp is not None:
        intensity.ramp(made, ramp, out=out)


def whole(
    x: Array,
    at: Positions,
    start: Sequence[int],
    order: int,
    kept: np.dtype,
    fill: float,
    ramp: Ramp | None,
    out: Array,
) -> None:
    """By whole-array operations: the definition that the compiled forms are held to.

    Slice by slice, since positions take many times the memory of the voxels.
    """
    xp, value = namespace(x), finished_fill(fill, kept, out.dtype, ramp)
    for k in range(at.shape[0]):
        places, flags = _places(at.slab(k, k + 1), xp, HALF if order == 3 else 0.0)
        lowest, part = [], []
        for place, origin in zip(places, start, strict=True):
            base = xp.floor(place + 0.5 if order == 0 else place)
            lowest.append(xp.where(flags, base, origin + (order == 3)).astype("i8") - origin)
            part.append((place - base).astype(np.float32))
        if order == 0:
            y = x[tuple(lowest)]
        elif order == 1:
            last = [high - 1 - origin for (_, high), origin in zip(at.bounds, start, strict=True)]
            y = _eight(x, lowest, [xp.minimum(n + 1, top) for n, top in zip(lowest, last, strict=True)], part)
        else:
            y = _sixty_four(x, lowest, [gather.bsplines(p) for p in part])
        y = as_dtype(y, kept) if order else y
        y = y if ramp is None else intensity.plain(y, ramp)
        out[k : k + 1] = xp.where(flags, y, xp.asarray(value, out.dtype))


def _places(at: Positions, xp: ModuleType, margin: float) -> tuple[list[Array], Array]:
    """Of each axis the settled positions, and where all three are inside."""
    (k, k_in), (j, j_in), (i, i_in) = (
        settled(p, bounds, margin, xp) for p, bounds in zip(at.arrays(xp), at.bounds, strict=True)
    )
    return [k, j, i], k_in & j_in & i_in


def _eight(x: Array, near: list[Array], far: list[Array], part: list[Array]) -> Array:
    a, b, c, d = (
        (left := x[k, j, near[2]].astype(np.float32)) + part[2] * (x[k, j, far[2]].astype(np.float32) - left)
        for k in (near[0], far[0])
        for j in (near[1], far[1])
    )
    a, c = a + part[1] * (b - a), c + part[1] * (d - c)
    return a + part[0] * (c - a)


def _sixty_four(x: Array, middle: list[Array], weights: list[Sequence[Array]]) -> Array:
    sums = [np.float32(0)] * 4
    for a, b in product(range(4), range(4)):
        w = weights[0][a] * weights[1][b]
        for n in range(4):
            sums[n] = sums[n] + w * x[middle[0] + (a - 1), middle[1] + (b - 1), middle[2] + (n - 1)]
    products = [s * w for s, w in zip(sums, weights[2], strict=True)]
    return ((products[0] + products[1]) + products[2]) + products[3]
