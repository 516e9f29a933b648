"""What happens to one voxel between the arithmetic and memory: rounding, ramp, cast.  For compiled kernels.

The types of input and output choose the code, at compile time.  float16 is not a type of numba's on a CPU:
its bits travel as uint16, and a uint16 written *with* a ramp always means float16, since no ramp makes integers of
16 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from pipeline.kernels.ramp import Ramp

Numbers = tuple[np.float32, np.float32, np.float32, np.float32]


def numbers(ramp: Ramp | None, dtype: np.dtype | None = None) -> Numbers | tuple[()] | None:
    """(low, high, base, scale) as compiled code takes them; without a ramp () where ``dtype`` is float16, else None."""
    if ramp is None:
        return () if dtype == np.float16 else None
    return np.float32(ramp.low), np.float32(ramp.high), np.float32(ramp.base), np.float32(ramp.scale)


def bits(out: np.ndarray) -> np.ndarray:
    """The array as compiled code takes it: float16 as its bits."""
    return out.view(np.uint16) if out.dtype == np.float16 else out


@intrinsic
def half(typing: Any, value: Any) -> Any:
    """Bits of the float32 ``value`` as IEEE 754 binary16, rounded half to even: one vector instruction (F16C)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(builder.fptrunc(arguments[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(types.float32), generate


def stored(value: Any, like: Any) -> Any:
    """``value`` (float32) as a voxel of the array ``like``: integers are rounded half to even and clipped, NaN is 0."""
    raise TypeError("only compiled code may call this")


@overload(stored)
def _stored(value, like):  # type: ignore[no-untyped-def]
    dtype = like.dtype
    if isinstance(dtype, types.Float):
        return lambda value, like: value
    low, high = np.float32(dtype.minval), np.float32(dtype.maxval)

    # NaN is told apart because its cast to an integer is undefined: every CPU makes something else of it.
    def integer(value, like):  # type: ignore[no-untyped-def]
        v = np.rint(value)
        v = low if v < low else v
        v = high if v > high else v
        return dtype(v if v == v else np.float32(0))

    return integer


def finished(value: Any, x: Any, out: Any, ramp: Any) -> Any:
    """``value`` (float32) as a voxel of ``out``; as the bits of a float16 where the ramp is ().

    With a ramp: first as a voxel of ``x``, then through the ramp, so that one pass gives the bits of two.
    """
    raise TypeError("only compiled code may call this")


@overload(finished)
def _finished(value, x, out, ramp):  # type: ignore[no-untyped-def]
    if isinstance(ramp, types.NoneType):
        return lambda value, x, out, ramp: stored(value, out)
    if not len(ramp):
        return lambda value, x, out, ramp: half(value)  # type: ignore[call-arg]
    halves = out.dtype == types.uint16

    def ramped(value, x, out, ramp):  # type: ignore[no-untyped-def]
        low, high, base, scale = ramp
        v = np.float32(stored(value, x))
        v = low if v < low else v
        v = high if v > high else v
        v = (v - base) * scale + np.float32(0)
        return half(v) if halves else stored(v, out)  # type: ignore[call-arg]

    return ramped
