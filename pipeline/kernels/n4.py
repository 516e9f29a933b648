"""N4: the smooth field that multiplies the intensities of an MR image.

N. J. Tustison et al., N4ITK: improved N3 bias correction, IEEE Trans. Med. Imaging 29(6), 2010.  The field blurs the
histogram of log intensities.  Sharpen that histogram, see how far each voxel is from where it should be, and fit a
spline to the distance; do it again with what is left, on an ever finer lattice::

    log image - field --> histogram --> sharpened: E(true | seen)
        ^                                    |
        +---- spline fit += seen - E <-------+          until the field stays as it is

Own code, since what ITK computes depends on the number of its threads (ADR 0011).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numba import njit

from pipeline.kernels import elementary, lattice

BINS, PADDED = 200, 512
"""Of the histogram, and with room on both sides for the convolutions (ITK's defaults)."""

WIDTH = 0.15
"""Full width at half maximum of the field's own distribution, in log intensity (the paper's 0.15)."""

NOISE = 0.01
"""Of the Wiener filter (the paper's Z^2)."""

LN2, PI = 0.6931471805599453, 3.141592653589793


def log_field(
    image: np.ndarray, mask: np.ndarray, spans: Sequence[int], levels: int, iterations: int, tolerance: float
) -> np.ndarray:
    """Control points of the log of the field of an image.

    Parameters
    ----------
    image : float32 [k, j, i], at least two voxels along each axis; the knots reach from first to last
    mask : uint8 of 0 and 1, where the field is estimated; the image is above 0 there, and not constant
    spans : of the spline along k, j, i at the first level; each further level has twice as many
    iterations : at most, at each level
    tolerance : a level ends when the coefficient of variation of the field's change is not above this

    Returns
    -------
    float64 [a, b, c], ``2 ** (levels - 1) * spans + 3`` points an axis
    """
    inside = mask.view(np.bool_)
    seen = np.zeros(image.shape)
    seen[inside] = elementary.log(image[inside])
    control = np.zeros(tuple(n + 3 for n in spans))
    field = np.zeros(image.shape)
    for level in range(levels):
        if level:
            control = lattice.refine(control)
        tables = [
            lattice.rows((c - 3) / (n - 1), 0.0, (0, n), c - 3) for c, n in zip(control.shape, image.shape, strict=True)
        ]
        for _ in range(iterations):
            left = _residual(seen - field, inside)
            control = control + lattice.approximate(left, mask, tables, control.shape)
            before, field = field, lattice.evaluate(control, tables)
            if _change(before, field, inside) <= tolerance:
                break
    return control


def _residual(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """float64 [k, j, i]: how far each voxel of the mask is from where the sharpened histogram wants it."""
    known = values[inside]
    low = float(known.min())
    slope = (float(known.max()) - low) / (BINS - 1)
    left = np.zeros(values.shape)
    if slope > 0:
        left[inside] = _left(known, low, slope, _sharpened(_histogram(known, low, slope, BINS), low, slope))
    return left


def _sharpened(counts: np.ndarray, low: float, slope: float) -> np.ndarray:
    """float64 [bins]: the expected true log intensity of each seen one; equations 5 to 8 of the paper."""
    before = (PADDED - BINS) // 2
    padded = np.zeros(PADDED)
    padded[before : before + BINS] = counts
    n = np.minimum(np.arange(PADDED), PADDED - np.arange(PADDED))
    width = WIDTH / slope
    blur = elementary.exp((-4 * LN2 / (width * width) * n * n).astype("f4")).astype("f8")
    blur = np.fft.rfft(blur * (2 * sqrt(LN2 / PI) / width))
    wiener = (blur.conj() / ((blur.conj() * blur).real + NOISE)).real
    sharp = np.fft.irfft(np.fft.rfft(padded) * wiener, PADDED)
    sharp = np.where(sharp > 0, sharp, 0.0)
    place = low + (np.arange(PADDED) - before) * slope
    above = np.fft.irfft(np.fft.rfft(place * sharp) * blur, PADDED)
    below = np.fft.irfft(np.fft.rfft(sharp) * blur, PADDED)
    expected = np.divide(above, below, out=np.zeros(PADDED), where=below != 0)
    return expected[before : before + BINS]


@njit(cache=True, nogil=True)
def _histogram(values, low, slope, bins):  # type: ignore[no-untyped-def]
    """Each voxel is shared by the two bins that it lies between."""
    counts = np.zeros(bins)
    for n in range(values.size):
        at = (values[n] - low) / slope
        b = min(int(at), bins - 2)
        counts[b] += 1 - (at - b)
        counts[b + 1] += at - b
    return counts


@njit(cache=True, nogil=True)
def _left(values, low, slope, expected):  # type: ignore[no-untyped-def]
    out = np.empty(values.size)
    for n in range(values.size):
        at = (values[n] - low) / slope
        b = min(int(at), expected.size - 2)
        out[n] = values[n] - (expected[b] + (expected[b + 1] - expected[b]) * (at - b))
    return out


@njit(cache=True, nogil=True)
def _change(before, after, inside):  # type: ignore[no-untyped-def]
    """Coefficient of variation of the ratio of two fields, over the mask."""
    count, total = 0, 0.0
    for k in range(inside.shape[0]):
        for j in range(inside.shape[1]):
            for i in range(inside.shape[2]):
                if inside[k, j, i]:
                    count += 1
                    total += elementary.exp(np.float32(before[k, j, i] - after[k, j, i]))
    mean, squares = total / count, 0.0
    for k in range(inside.shape[0]):
        for j in range(inside.shape[1]):
            for i in range(inside.shape[2]):
                if inside[k, j, i]:
                    off = elementary.exp(np.float32(before[k, j, i] - after[k, j, i])) - mean
                    squares += off * off
    return np.sqrt(squares / max(count - 1, 1)) / mean
