"""Pointwise kernels of intensities."""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels import voxel
from pipeline.kernels.lines import readable, writeable
from pipeline.kernels.ramp import Ramp
from pipeline.xp import Array, namespace

COMPILED = tuple(map(np.dtype, ("int16", "uint16", "uint8", "float32")))
"""Native dtypes that compiled kernels read; a closed set of signatures."""


def ramp(x: Array, ramp: Ramp, out: Array | None = None) -> Array:
    """``x`` through the ramp, in one pass.

    Parameters
    ----------
    x : ``[k, j, i]``, never written.  What is not int16, uint16, uint8 or float32 is cast to float32 first.
    out : where to write: same shape, ``ramp.dtype``, contiguous lines, no memory in common with ``x``

    Raises
    ------
    ValueError
        If ``out`` does not fit.
    """
    xp = namespace(x)
    made = claim(out, x, x.shape, ramp.dtype)
    if xp is not np:
        made[...] = plain(x, ramp)
    elif made.size:
        source = x if x.dtype in COMPILED else x.astype(np.float32)
        _ramp(*readable(source), *writeable(voxel.bits(made)), made.shape, voxel.numbers(ramp))
    return made


def clip(x: Array, lower: float | None, upper: float | None) -> Array:
    """``x`` with what lies outside a range brought to its nearer end, in its own type; on NumPy or CuPy.

    The ends are rounded half to even to an integer type and clipped to it; to a float type, as it does.  A bound that
    is None does not bind; NaN stays NaN.
    """
    xp = namespace(x)
    return xp.clip(x, *(None if end is None else _as(end, x.dtype) for end in (lower, upper)))


def _as(end: float, dtype: np.dtype) -> np.generic:
    """A finite number in a type."""
    if dtype.kind != "f":
        info = np.iinfo(dtype)
        return dtype.type(min(max(round(end), info.min), info.max))
    with np.errstate(over="ignore"):  # beyond float16 an end is an infinity there
        return dtype.type(end)


def plain(x: Array, ramp: Ramp) -> Array:
    """The same by whole-array operations, on NumPy or CuPy: the definition that compiled code is held to."""
    xp = namespace(x)
    low, high, base, scale = map(np.float32, (ramp.low, ramp.high, ramp.base, ramp.scale))
    v = x.astype(np.float32)
    v = xp.where(v < low, low, v)
    v = xp.where(v > high, high, v)
    return as_dtype((v - base) * scale + np.float32(0), ramp.dtype)


def as_dtype(v: Array, dtype: np.dtype) -> Array:
    """float32 to ``dtype``: integers rounded half to even and clipped to the type, NaN becomes 0.

    What float16 cannot hold becomes an infinity.
    """
    xp = namespace(v)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return v.astype(dtype, copy=False)
    info = np.iinfo(dtype)
    v = xp.clip(xp.rint(v), np.float32(info.min), np.float32(info.max))
    return xp.where(v == v, v, np.float32(0)).astype(dtype)


def finished(v: Array, dtype: np.dtype, ramp: Ramp | None) -> Array:
    """float32 as it is stored: as ``dtype``, and from there through the ramp if there is one."""
    v = as_dtype(v, dtype)
    return v if ramp is None else plain(v, ramp)


def claim(out: Array | None, x: Array, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """A new array beside ``x``, or ``out`` where it is given and fits.

    Raises ValueError for another shape, dtype or device, or memory in common with ``x``.
    """
    xp = namespace(x)
    if out is None:
        return xp.empty(shape, dtype)
    if namespace(out) is not xp or out.shape != tuple(shape) or out.dtype != dtype:
        raise ValueError(f"out must be a {xp.__name__} array of shape {tuple(shape)} and dtype {dtype}")
    if xp.may_share_memory(x, out):
        raise ValueError("out must not share memory with the input")
    return out


@njit(cache=True, nogil=True)
def _ramp(x, plane, row, out, out_plane, out_row, shape, ramp):  # type: ignore[no-untyped-def]
    for k in range(shape[0]):
        for j in range(shape[1]):
            line = x[k * plane + j * row :]
            made = out[k * out_plane + j * out_row :]
            for i in range(shape[2]):
                made[i] = voxel.finished(np.float32(line[i]), x, out, ramp)
