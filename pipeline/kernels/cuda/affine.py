"""Launches ``affine.cu``: resampling along axes that are not parallel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from pipeline.kernels import cuda
from pipeline.kernels.bend import Bend
from pipeline.kernels.positions import Positions
from pipeline.kernels.ramp import DTYPES, Ramp
from pipeline.xp import Array, namespace

SOURCES = ("int16", "uint16", "uint8", "float32")

_THREADS = (32, 8, 1)


def interpolated(
    x: Array,
    at: Positions,
    start: Sequence[int],
    order: int,
    kept: np.dtype,
    fill: float,
    ramp: Ramp | None,
    out: Array,
) -> None:
    """``x`` at the positions, stored as ``kept``, then through ``ramp``, into ``out``.

    ``order`` is 1, or 3, where ``x`` holds float32 coefficients.  ``fill`` is the value as it stands there.
    """
    xp = namespace(x)
    source = (x.dtype,) if order == 1 else ()
    name = cuda.kernel("affine_linear" if order == 1 else "affine_cubic", *source, kept, out.dtype, ramp is not None)
    rest = (xp.full(1, fill, out.dtype), *cuda.numbers(ramp))
    _launch(name, out.shape, (*cuda.readable(x), *cuda.writeable(out)), _target(at, start, xp), rest)


def nearest(x: Array, at: Positions, start: Sequence[int], fill: float, out: Array) -> None:
    """The voxel of ``x`` nearest to each position, into ``out``, which has the dtype of ``x``."""
    xp = namespace(x)
    word = np.dtype(f"u{x.dtype.itemsize}")
    lines = (*cuda.readable(x.view(word)), *cuda.writeable(out.view(word)))
    _launch(
        cuda.kernel("affine_nearest", word),
        out.shape,
        lines,
        _target(at, start, xp),
        (xp.full(1, fill, x.dtype).view(word),),
    )


def inside(at: Positions, out: Array) -> None:
    """1 where a position lies on the source, else 0, into ``out``, uint8 [k, j, i] and contiguous."""
    _launch("affine_inside", out.shape, (out,), _target(at, (0, 0, 0), namespace(out)), ())


def _target(at: Positions, start: Sequence[int], xp: ModuleType) -> tuple[Any, ...]:
    """Of positions, what kernels take: index of the first row, axes of the source, displacements."""
    axes = np.array([[*row, *bounds, first] for row, bounds, first in zip(at.matrix, at.bounds, start, strict=True)])
    origin = [np.int64(first) for first, _ in at.rows]
    if at.bend is None:
        return (*origin, xp.asarray(axes), np.int32(0), cuda.NOTHING, cuda.NOTHING, cuda.NOTHING)
    bent = _threads(at.bend, xp)
    along = (xp.asarray(at.bend.first[2]), xp.asarray(at.bend.weights[2]))
    return (*origin, xp.asarray(axes), np.int32(bent.shape[3]), bent, *along)


def _threads(bend: Bend, xp: ModuleType) -> Array:
    """(3, nk, nj, points) float64: the control points contracted along k and j, as ``Bend.arrays`` does."""
    y = xp.asarray(bend.points)
    for axis in (0, 1):
        first, weights = bend.first[axis], bend.weights[axis]
        column = [-1 if n == axis + 1 else 1 for n in range(4)]
        terms = [
            xp.take(y, xp.asarray(first + n), axis + 1) * xp.asarray(weights[:, n].reshape(column)) for n in range(4)
        ]
        y = ((terms[0] + terms[1]) + terms[2]) + terms[3]
    return xp.ascontiguousarray(y)


def _launch(
    name: str, shape: Sequence[int], arrays: tuple[Any, ...], target: tuple[Any, ...], rest: tuple[Any, ...]
) -> None:
    nk, nj, ni = shape
    blocks = (cuda.parts(ni, _THREADS[0]), cuda.parts(nj, _THREADS[1]), nk)
    cuda.launch("affine.cu", name, blocks, _THREADS, (*arrays, np.int32(nj), np.int32(ni), *target, *rest))


def _kernels() -> list[str]:
    """From a source, or its float32 coefficients, to what is kept of it, and from there through a ramp."""
    stored = [(t, t, False) for t in SOURCES] + [(t, made, True) for t, made in product(SOURCES, DTYPES)]
    linear = {(kept, kept, made, ramp) for kept, made, ramp in stored} | {("float32", *how) for how in stored}
    floats = [("float32", "float32", False), ("float16", "float16", False)]
    linear |= {(t, *how) for t, how in product(SOURCES, floats)}
    moved = [cuda.kernel("affine_nearest", f"uint{bits}") for bits in (8, 16, 32, 64)]
    return [
        *(cuda.kernel("affine_linear", *how) for how in sorted(linear)),
        *(cuda.kernel("affine_cubic", *how) for how in dict.fromkeys(stored + floats)),
        *moved,
        "affine_inside",
    ]


KERNELS = {"affine.cu": _kernels()}
"""All instances, by source."""
