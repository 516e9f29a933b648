"""float16 images in compiled kernels: their bits travel as uint16, beside a mark that says they are no integers.

numba has no float16 on a CPU.  The mark is 0 for float16 and None for all else, so that it chooses the code when the
kernel is compiled; the conversions are one vector instruction each (F16C).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

from pipeline.kernels import voxel
from pipeline.kernels.lines import readable, writeable
from pipeline.xp import Array, namespace

NATIVE = tuple(map(np.dtype, ("int16", "uint16", "uint8", "float16", "float32")))
"""Native dtypes of images that kernels read and write."""


def checked(x: Array) -> Array:
    """The array itself.  Raises TypeError where its dtype is none of ``NATIVE``."""
    if x.dtype not in NATIVE:
        raise TypeError(f"an image is native {', '.join(d.name for d in NATIVE)}, not {x.dtype}")
    return x


def mark(x: Array) -> int | None:
    """0 for an array of float16, else None."""
    return 0 if x.dtype == np.float16 else None


def widened(x: Array) -> Array:
    """float16 as float32, all else as it is: for kernels that read no float16."""
    return _converted(x, np.dtype(np.float32)) if x.dtype == np.float16 else x


def narrowed(x: Array, dtype: np.dtype) -> Array:
    """float32 as float16 where ``dtype`` says so, all else as it is: what ``widened`` has opened."""
    return _converted(x, dtype) if dtype == np.float16 else x


def _converted(x: Array, dtype: np.dtype) -> Array:
    """Between float16 and float32; NumPy's own conversion takes ten times as long on a CPU."""
    if namespace(x) is not np:
        return x.astype(dtype)
    out = np.empty(x.shape, dtype)
    if out.size:
        _convert(*readable(voxel.bits(x)), *writeable(voxel.bits(out)), out.shape, mark(x), mark(out))
    return out


@intrinsic
def _single(typing: Any, pattern: Any) -> Any:
    """The float32 that equals the IEEE 754 binary16 with these bits (uint16)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), generate


def loaded(value: Any, mark: Any) -> Any:
    """A voxel as float32."""
    raise TypeError("only compiled code may call this")


def stored(value: Any, like: Any, mark: Any) -> Any:
    """``value`` (float32) as a voxel of ``like``: integers are rounded half to even and clipped, NaN is 0."""
    raise TypeError("only compiled code may call this")


@overload(loaded)
def _loaded(value, mark):  # type: ignore[no-untyped-def]
    if isinstance(mark, types.NoneType):
        return lambda value, mark: np.float32(value)
    return lambda value, mark: _single(value)  # type: ignore[call-arg]


@overload(stored)
def _stored(value, like, mark):  # type: ignore[no-untyped-def]
    if isinstance(mark, types.NoneType):
        return lambda value, like, mark: voxel.stored(value, like)
    return lambda value, like, mark: voxel.half(value)  # type: ignore[call-arg]


@njit(cache=True, nogil=True)
def _convert(x, plane, row, out, out_plane, out_row, shape, half, made_half):  # type: ignore[no-untyped-def]
    for k in range(shape[0]):
        for j in range(shape[1]):
            line = x[k * plane + j * row :]
            made = out[k * out_plane + j * out_row :]
            for i in range(shape[2]):
                made[i] = stored(loaded(line[i], half), out, made_half)
