"""The ramp: the one pointwise form that windows, rescalings and normalisations share.

A value, and light to import: what carries it out is ``kernels/intensity.py`` and, fused, ``kernels/resample.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

DTYPES = ("float16", "float32", "uint8")
"""What a ramp can be stored as."""

LARGEST = float(np.finfo(np.float32).max)
"""A ramp from ``-LARGEST`` to ``LARGEST`` clips no finite number."""

_LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Ramp:
    """``y = (clip(x, low, high) - base) * scale``, stored as ``dtype``.

    ::

        y          ________          Every step is one float32 operation, in this order:
                  /                  x to float32; clip; subtract; multiply; add zero (so that
                 /                   no result is -0); to ``dtype``: floats rounded half to even,
        ________/                    uint8 rounded half to even and clipped to 0..255.
               low  high      x

    NaN stays NaN in the floats and becomes 0 in uint8.  The four numbers are rounded to float32 here,
    so that equal ramps compute equal bits.

    Raises
    ------
    ValueError
        If a number is not finite in float32, ``low > high``, or the dtype is none of ``DTYPES``.

    Examples
    --------
    >>> Ramp(low=0, high=4, base=0, scale=0.25, dtype="float32").scale
    0.25
    """

    low: float
    high: float
    base: float
    scale: float
    dtype: np.dtype

    def __post_init__(self) -> None:
        for name in ("low", "high", "base", "scale"):
            with np.errstate(over="ignore"):
                number = float(np.float32(getattr(self, name)))
            if not isfinite(number):
                raise ValueError(f"{name} of a ramp must be finite in float32")
            object.__setattr__(self, name, number)
        object.__setattr__(self, "dtype", np.dtype(self.dtype))
        if self.low > self.high:
            raise ValueError("a ramp needs low <= high")
        if self.dtype.name not in DTYPES:
            raise ValueError(f"a ramp is stored as one of {', '.join(DTYPES)}")


def rescale(lower: float, upper: float, to: tuple[float, float], dtype: str, clip: bool = True) -> Ramp:
    """The line through ``(lower, to[0])`` and ``(upper, to[1])``, to the rounding of float32.

    A range that begins or ends at 0 does so exactly, and is never left.  Without ``clip`` the line goes on.

    Raises ValueError where ``lower < upper`` or a difference of the two ends of ``to`` is not there in float32.

    >>> rescale(-1000, 1000, (-1, 1), "float32")
    Ramp(low=-1000.0, high=1000.0, base=0.0, scale=0.0010000000474974513, dtype=dtype('float32'))
    """
    low, high = _span(lower, upper, "upper must be above lower, and both")
    first, last = to
    span = np.float32(high) - np.float32(low)  # as the kernel computes it
    scale = (last - first) / float(span)
    if not _LEAST <= abs(scale) <= LARGEST:
        raise ValueError("to must be two distinct, finite numbers, and not too far from the range that goes there")
    narrow = np.float32(scale)
    if abs(span * narrow) > np.float32(abs(last - first)):
        scale = float(np.nextafter(narrow, np.float32(0)))
    base = low if first == 0 else high if last == 0 else low - first / scale
    return Ramp(*((low, high) if clip else (-LARGEST, LARGEST)), base, scale, np.dtype(dtype))


def top(dtype: str | np.dtype) -> float:
    """White: 255 in uint8, 1 in the floats."""
    return 255.0 if np.dtype(dtype) == np.uint8 else 1.0


def window(center: float, width: float, dtype: str, inverted: bool = False) -> Ramp:
    """The window of ``width`` about ``center``, to 0..1 in the floats and to 0..255 in uint8.

    The VOI function LINEAR_EXACT of DICOM PS3.3 C.11.2.1.3.2: values at or below ``center - width / 2``
    give the lowest, above ``center + width / 2`` the highest.  ``inverted`` swaps the ends (MONOCHROME1).

    Raises ValueError where the width is not above 0, or too small to be told from ``center`` in float32.

    >>> window(40, 400, "float16")
    Ramp(low=-160.0, high=240.0, base=-160.0, scale=0.0024999999441206455, dtype=dtype('float16'))
    """
    low, high = _span(center - width / 2, center + width / 2, "width of a window must be above 0, and both ends")
    white = top(dtype)
    return rescale(low, high, (white, 0.0) if inverted else (0.0, white), dtype)


def _span(lower: float, upper: float, what: str) -> tuple[float, float]:
    """Both ends in float32.  Raises ValueError where there is nothing between them."""
    with np.errstate(over="ignore"):
        low, high = float(np.float32(lower)), float(np.float32(upper))
    if not (isfinite(low) and isfinite(high) and float(np.float32(high) - np.float32(low)) > 0):
        raise ValueError(f"{what} must be distinct and finite in float32")
    return low, high
