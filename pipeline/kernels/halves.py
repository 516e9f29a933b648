"""float16 images in compiled kernels: their bits travel as uint16, beside a mark that says they are no integers.

numba has no float16 on a CPU.  The mark is 0 for float16 and None for all else, so that it chooses the code when the
kernel is compiled; the conversions are one vector instruction each (F16C).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from pipeline.kernels import voxel

NATIVE = tuple(map(np.dtype, ("int16", "uint16", "uint8", "float16", "float32")))
"""Native dtypes of images that kernels read and write."""


def checked(x: Any) -> Any:
    """The array itself.  Raises TypeError where its dtype is none of ``NATIVE``."""
    if x.dtype not in NATIVE:
        raise TypeError(f"an image is native {', '.join(d.name for d in NATIVE)}, not {x.dtype}")
    return x


def mark(x: Any) -> int | None:
    """0 for an array of float16, else None."""
    return 0 if x.dtype == np.float16 else None


def widened(x: Any) -> Any:
    """float16 as float32, all else as it is: for kernels that read no float16."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


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
