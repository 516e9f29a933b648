"""How alike two images are: SSIM, squared and absolute error, in whole numbers.

Both images are first quantised to 12 bits.  Every sum over a window or over an image is then an exact
integer, so that no result depends on how the image was cut into blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from pipeline.kernels.cuda.similarity import similarity
from pipeline.xp import Array, namespace

LEVELS = 4095
"""The data range in quantised steps."""

INVALID = -32768
"""Stands in a quantised image where there is nothing to compare."""

ONE = 1 << 30
"""An SSIM of 1 in the fixed point in which it is summed: exact for up to 2^33 windows."""

WIDTH = 7
"""Voxels along a window.  Wang's window of 11 Gaussian weights is replaced by scikit-image's default."""

_CENTRE = 2048
_C1 = (0.01 * LEVELS) ** 2
_C2 = (0.03 * LEVELS) ** 2


class Sums(NamedTuple):
    """What two images have in common, in numbers that add up.

    Attributes
    ----------
    windows : windows that lie wholly on valid voxels
    ssim : sum of their SSIM, in units of 1 / ONE
    ssim_min : the lowest of them, in the same units; ONE where there is none
    voxels : valid voxels
    squared, absolute : sum of squared and of absolute differences, in quantised steps
    """

    windows: int
    ssim: int
    ssim_min: int
    voxels: int
    squared: int
    absolute: int


def quantise(x: Array, low: float, high: float, valid: Array | None = None) -> Array:
    """int16 [k, j, i]: low .. high, clipped, as -2048 .. 2047 in 4095 equal steps, half to even, in float32.

    Voxels that are NaN, or 0 in ``valid`` (uint8 or bool), become INVALID.  ``x`` is int16, uint16, uint8,
    float16 or float32, else TypeError; ValueError unless low < high, both finite.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError("a data range needs two finite ends, low < high")
    if x.dtype not in (np.int16, np.uint16, np.uint8, np.float16, np.float32):
        raise TypeError(f"{x.dtype} cannot be quantised; int16, uint16, uint8, float16 and float32 can")
    if valid is not None and (valid.dtype not in (np.uint8, np.bool_) or valid.shape != x.shape):
        raise TypeError("a validity mask is uint8 or bool and has the shape of the array")
    base, scale = np.float32(low), np.float32(LEVELS / (high - low))
    if namespace(x) is not np:
        return plain(x, base, scale, valid)
    out = np.empty(x.shape, np.int16)
    x = np.ascontiguousarray(x)
    # float16 is no type of numba's on a CPU: its patterns go in, and a word that says what they are.
    patterns, halves = (x.view(np.uint16), True) if x.dtype == np.float16 else (x, None)
    good = None if valid is None else np.ascontiguousarray(valid).view(np.uint8)
    _quantise(patterns, halves, base, scale, good, out)
    return out


def plain(x: Array, base: np.float32, scale: np.float32, valid: Array | None = None) -> Array:
    """``quantise`` by whole-array operations: the definition that compiled code is held to."""
    xp = namespace(x)
    v = x.astype(np.float32)
    good = v == v if valid is None else (v == v) & (valid != 0)
    step = xp.rint(xp.clip((v - base) * scale, np.float32(0), np.float32(LEVELS)))
    return xp.where(good, step - np.float32(_CENTRE), np.float32(INVALID)).astype(np.int16)


def window(shape: Sequence[int]) -> tuple[int, int, int]:
    """The SSIM window of an image: 7 voxels an axis, or all of an axis that is shorter.

    >>> window((1, 512, 512))
    (1, 7, 7)
    """
    k, j, i = (min(WIDTH, n) for n in shape)
    return k, j, i


def compare(
    a: Array,
    b: Array,
    *,
    own: Sequence[int] | None = None,
    start: Sequence[int] = (0, 0, 0),
    window: Sequence[int] | None = None,
    stride: int = 4,
) -> Sums:
    """Compare two quantised images, or one block of them.

    SSIM after Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing 13(4), 2004, equation 13, on
    intensities 0 .. 4095: uniform windows, sample covariance (N - 1), C1 = (0.01 L)^2, C2 = (0.03 L)^2,
    L = 4095.  Windows begin where every index is a multiple of ``stride``; with the default every voxel
    is seen, and with 1 the windows are all there are.

    ::

        array   [---------- own ----------][- 6 more -]    the block, and what its last windows need
        windows  [.....]  [.....]   ...  [.....]           those that begin in `own`, wholly in the array

    Parameters
    ----------
    a, b : int16 [k, j, i] of one shape, as ``quantise`` makes them
    own : voxels along k, j, i, from the first one, whose errors and windows are counted; all where None.
        A block of a larger image needs window - 1 voxels beyond its own, as far as the image goes.
    start : index of the array's first voxel in the whole image
    window : of the whole image, see ``window``; that of the array where None

    Raises
    ------
    TypeError, ValueError
        If the arrays are not int16, or their shapes differ.
    """
    if a.dtype != np.int16 or b.dtype != np.int16:
        raise TypeError("quantised images are int16")
    if a.shape != b.shape:
        raise ValueError(f"images of {a.shape} and {b.shape} voxels cannot be compared")
    xp = namespace(a)
    a, b = xp.ascontiguousarray(a), xp.ascontiguousarray(b)
    owned = tuple(own) if own is not None else a.shape
    size = tuple(window) if window is not None else tuple(min(WIDTH, n) for n in a.shape)
    first = tuple(-at % stride for at in start)
    # A window begins inside `own` and ends inside the array.
    last = tuple(min(o, n - w + 1) for o, n, w in zip(owned, a.shape, size, strict=True))
    if xp is not np:
        return Sums(*similarity(a, b, owned, first, last, size, stride, ONE))
    ssim = (0, 0, ONE)
    if size[0] * size[1] * size[2] > 1:  # one voxel has no variance
        ssim = _ssim(a, b, first, last, size, stride)
    return Sums(*ssim, *_errors(a, b, owned))


def _widened(_context: Any, _pattern: Any) -> Any:
    """The float32 of a float16, which is given as its pattern in a uint16."""

    def body(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), body


_single: Any = intrinsic(_widened)


@njit(cache=True, nogil=True)
def _quantise(
    x: np.ndarray, halves: bool | None, base: np.float32, scale: np.float32, valid: np.ndarray | None, out: np.ndarray
) -> None:
    for k in range(x.shape[0]):
        for j in range(x.shape[1]):
            for i in range(x.shape[2]):
                v = np.float32(x[k, j, i]) if halves is None else _single(x[k, j, i])
                good = v == v
                if valid is not None:
                    good &= valid[k, j, i] != 0
                step = np.rint(min(max((v - base) * scale, np.float32(0)), np.float32(LEVELS)))
                out[k, j, i] = np.int16(step) - np.int16(_CENTRE) if good else np.int16(INVALID)


@njit(cache=True, nogil=True)
def _errors(a: np.ndarray, b: np.ndarray, own: tuple[int, ...]) -> tuple[int, int, int]:
    voxels = squared = absolute = 0
    for k in range(own[0]):
        for j in range(own[1]):
            p, q = a[k, j], b[k, j]
            for i in range(own[2]):
                good = (p[i] != INVALID) & (q[i] != INVALID)
                d = int(p[i]) - int(q[i]) if good else 0
                voxels += 1 if good else 0
                squared += d * d
                absolute += abs(d)
    return voxels, squared, absolute


@njit(cache=True, nogil=True)
def _ssim(
    a: np.ndarray, b: np.ndarray, first: tuple[int, ...], last: tuple[int, ...], size: tuple[int, ...], stride: int
) -> tuple[int, int, int]:
    """Windows, sum and minimum of SSIM: windows begin at first, first + stride, ... < last.

    The five sums of a window are made along k, then j, then i: the work is halved by the stride at each
    step.  ``ring`` holds the rows of column sums that windows still need; all of it stays in cache.
    """
    wk, wj, wi = size
    ring = np.zeros((wj, 5, a.shape[2]), np.int32)
    total = np.zeros((5, a.shape[2]), np.int32)
    windows = summed = 0
    lowest = ONE
    for k in range(first[0], last[0], stride):
        made = 0
        for j in range(first[1], last[1], stride):
            for row in range(max(made, j), j + wj):
                _columns(a, b, k, wk, row, ring[row % wj])
            made = j + wj
            total[:] = 0
            for row in range(wj):
                for s in range(5):
                    for i in range(total.shape[1]):
                        total[s, i] += ring[row, s, i]
            n, part, least = _row(total, first[2], last[2], wk * wj * wi, wi, stride)
            windows += n
            summed += part
            lowest = min(lowest, least)
    return windows, summed, lowest


@njit(cache=True, nogil=True)
def _columns(a: np.ndarray, b: np.ndarray, k: int, wk: int, j: int, out: np.ndarray) -> None:
    """Sums along k of a, b, a^2 + b^2, a b and of what is invalid, for every i of row j.

    They fit 32 bits, also when seven rows are added: 49 voxels of at most 2 x 2048^2 are 4.2e8.
    """
    out[:] = 0
    for plane in range(k, k + wk):
        p, q = a[plane, j], b[plane, j]
        for i in range(p.size):
            u, v = np.int32(p[i]), np.int32(q[i])
            out[0, i] += u
            out[1, i] += v
            out[2, i] += np.int32(u * u + v * v)
            out[3, i] += np.int32(u * v)
            out[4, i] += np.int32((u == INVALID) | (v == INVALID))


@njit(cache=True, nogil=True)
def _row(total: np.ndarray, first: int, last: int, n: int, wi: int, stride: int) -> tuple[int, int, int]:
    """SSIM of the windows of one row of sums [5, i]; a window holds n voxels, wi of them along the row.

    The fraction is multiplied by n^2 (luminance) and by n (n - 1) (structure), so that all but the two
    constants are integers, exact in float64.
    """
    c1, c2 = _C1 * n * n, _C2 * n * (n - 1)
    windows = summed = 0
    lowest = ONE
    for i in range(first, last, stride):
        u = v = uu = uv = bad = 0
        for t in range(i, i + wi):
            u += total[0, t]
            v += total[1, t]
            uu += total[2, t]
            uv += total[3, t]
            bad += total[4, t]
        if bad:
            continue
        covariance = n * uv - u * v
        variances = n * uu - u * u - v * v
        x, y = u + _CENTRE * n, v + _CENTRE * n
        similar = (2.0 * x * y + c1) * (2.0 * covariance + c2)
        ssim = similar / ((1.0 * x * x + 1.0 * y * y + c1) * (variances + c2))
        fixed = int(np.rint(ssim * ONE))
        windows += 1
        summed += fixed
        lowest = min(lowest, fixed)
    return windows, summed, lowest
