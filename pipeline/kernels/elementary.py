"""Exponential, logarithm and power in float32, by plain formulas: the same bits on every CPU and GPU.

A mathematics library rounds its last bit as it likes; sums, products, quotients and square roots are rounded as
IEEE 754 says.  One formula serves whole arrays (NumPy, CuPy) and, inside compiled kernels, single numbers.

The polynomials are those of the Cephes library (S. L. Moshier, 1989: ``expf.c``, ``logf.c``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from pipeline.xp import namespace

F = np.float32
BIAS, FRACTION = np.int32(127), np.int32(23)
"""Of the exponent in a float32, and the bits below it."""

HALF_ROOT = np.int32(0x3F3504F3)
"""Bits of sqrt(1/2): a mantissa is taken from there to sqrt(2)."""

LN2_HIGH, LN2_LOW, LOG2E = F(0.693359375), F(-2.12194440e-4), F(1.44269504088896341)
"""ln 2 as a number of few bits and the rest; log2(e)."""

TINY = F(2.0**-126)
"""The smallest normal number."""


def cast(x: Any, dtype: Any) -> Any:
    """``x`` as another type, by value."""
    return x.astype(dtype)


def bits(x: Any, dtype: Any) -> Any:
    """The bits of ``x``, a float32 or an int32, as the other type."""
    return x.view(dtype)


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """``yes`` where the condition holds, else ``no``."""
    return namespace(condition).where(condition, yes, no)


@overload(cast)
def _cast(x, dtype):  # type: ignore[no-untyped-def]
    return lambda x, dtype: dtype(x)


@overload(bits)
def _bits(x, dtype):  # type: ignore[no-untyped-def]
    same = np.float32 if x == types.float32 else np.int32
    return lambda x, dtype: same(x).view(dtype)


@overload(choose)
def _choose(condition, yes, no):  # type: ignore[no-untyped-def]
    return lambda condition, yes, no: yes if condition else no


@register_jitable
def log(x: Any) -> Any:
    """Natural logarithm of positive, normal float32 numbers; relative error below 1e-7.

    >>> log(np.float32([1, 2]))
    array([0.       , 0.6931472], dtype=float32)
    """
    pattern = bits(x, np.int32)
    power = cast((pattern - HALF_ROOT) >> FRACTION, np.int32)
    e = cast(power, np.float32)
    z = bits(pattern - (power << FRACTION), np.float32) - F(1)
    y = z * F(7.0376836292e-2) - F(1.1514610310e-1)
    y = y * z + F(1.1676998740e-1)
    y = y * z - F(1.2420140846e-1)
    y = y * z + F(1.4249322787e-1)
    y = y * z - F(1.6668057665e-1)
    y = y * z + F(2.0000714765e-1)
    y = y * z - F(2.4999993993e-1)
    y = y * z + F(3.3333331174e-1)
    square = z * z
    y = y * z * square + e * LN2_LOW
    return (z + (y - F(0.5) * square)) + e * LN2_HIGH


@register_jitable
def exp(x: Any) -> Any:
    """e to the float32 ``x``, which is clipped to -87 .. 88 first (NaN to -87); relative error below 2e-7.

    >>> exp(np.float32([0, 1]))
    array([1.       , 2.7182817], dtype=float32)
    """
    x = choose(x > F(-87), choose(x < F(88), x, F(88)), F(-87))
    n = np.floor(x * LOG2E + F(0.5))
    x = x - n * LN2_HIGH - n * LN2_LOW
    y = x * F(1.9875691500e-4) + F(1.3981999507e-3)
    y = y * x + F(8.3334519073e-3)
    y = y * x + F(4.1665795894e-2)
    y = y * x + F(1.6666665459e-1)
    y = y * x + F(5.0000001201e-1)
    power = bits((cast(n, np.int32) + BIAS) << FRACTION, np.float32)
    return (y * (x * x) + x + F(1)) * power


@register_jitable
def power(x: Any, exponent: Any) -> Any:
    """``x`` to a positive exponent, both float32, for x of 0 to 1: exactly 0 and 1 at the ends.

    NaN and what is below 2^-126 count as 0.  The relative error is below 2e-7 (1 + exponent |log x|).

    >>> power(np.float32([0, 0.25, 1]), np.float32(0.5))
    array([0. , 0.5, 1. ], dtype=float32)
    """
    some = x >= TINY
    return choose(some, exp(exponent * log(choose(some, x, TINY))), F(0))
