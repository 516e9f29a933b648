"""Intensities through a formula, one voxel at a time: gamma, contrast, brightness.

A formula is a tuple of float32 numbers with one function ``of(v, formula)``, which serves whole arrays (NumPy, CuPy:
the definition) and, inside compiled code, single numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import overload

from pipeline.kernels import voxel
from pipeline.kernels.elementary import choose, power
from pipeline.kernels.halves import checked, loaded, mark, stored
from pipeline.kernels.intensity import as_dtype
from pipeline.kernels.lines import readable, writeable
from pipeline.xp import Array, namespace


class Line(NamedTuple):
    """``(v - centre) * factor + base``, clipped to ``low`` .. ``high``; NaN stays NaN."""

    factor: np.float32
    centre: np.float32
    base: np.float32
    low: np.float32
    high: np.float32

    @staticmethod
    def of(v: Any, formula: Any) -> Any:
        y = (v - formula.centre) * formula.factor + formula.base
        y = choose(y < formula.low, formula.low, y)
        return choose(y > formula.high, formula.high, y)


class Gamma(NamedTuple):
    """``lower + width * ((v - lower) / width) ** exponent`` between ``lower`` and ``upper``; all else stays.

    With ``flip`` 1 rather than 0 the power is taken of the distance from the upper end.
    """

    exponent: np.float32
    lower: np.float32
    upper: np.float32
    flip: np.float32

    @staticmethod
    def of(v: Any, formula: Any) -> Any:
        exponent, lower, upper, flip = formula
        between = (v > lower) & (v < upper)
        width, sign = upper - lower, np.float32(1) - flip - flip
        part = flip + sign * ((choose(between, v, lower) - lower) / width)
        y = lower + width * (flip + sign * power(part, exponent))
        return choose(between, choose(y < upper, y, upper), v)


Formula = Line | Gamma


def pointwise(x: Array, formula: Formula) -> Array:
    """``x`` through the formula, in float32, stored in its own dtype.

    Parameters
    ----------
    x : ``[k, j, i]``, native int16, uint16, uint8, float16 or float32; never written.  Integers are rounded half to
        even and clipped to the type.

    Raises
    ------
    TypeError
        For another dtype.
    """
    if namespace(checked(x)) is not np:
        return plain(x, formula)
    out = np.empty(x.shape, x.dtype)
    if out.size:
        _each(*readable(voxel.bits(x)), *writeable(voxel.bits(out)), out.shape, mark(x), formula)
    return out


def plain(x: Array, formula: Formula) -> Array:
    """The same by whole-array operations, on NumPy or CuPy: the definition that compiled code is held to."""
    return as_dtype(formula.of(x.astype(np.float32), formula), x.dtype)


def value(v: Any, formula: Any) -> Any:
    """``formula.of(v, formula)``."""
    raise TypeError("only compiled code may call this")


@overload(value, strict=False)
def _value(v, formula):  # type: ignore[no-untyped-def]
    return formula.instance_class.of


@njit(cache=True, nogil=True, error_model="numpy")
def _each(x, plane, row, out, out_plane, out_row, shape, half, formula):  # type: ignore[no-untyped-def]
    for k in range(shape[0]):
        for j in range(shape[1]):
            line = x[k * plane + j * row :]
            made = out[k * out_plane + j * out_row :]
            for i in range(shape[2]):
                made[i] = stored(value(loaded(line[i], half), formula), out, half)
