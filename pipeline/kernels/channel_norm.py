"""Instance and group norm of a network's channels, and the LeakyReLU behind it, in place: two reads and one write.

``y = (x - mean) / sqrt(variance + eps) * gain + offset``, then ``y`` where above 0, else ``slope * y`` (Ulyanov et al.
2016; Wu & He 2018).  Mean and variance (by n) are of all voxels of a channel, or of a group of neighbouring channels;
they are summed in float64 in a fixed order, so that every CPU computes the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

WIDE = 16
"""Sums that are kept side by side: one for each remainder of the index."""


@dataclass(frozen=True)
class Norm:
    """What a norm does.

    Attributes
    ----------
    gain, offset : float64, one a channel
    eps : added to the variance
    together : channels that share mean and variance: 1 is instance norm
    slope : of what is below 0; 1 leaves it as it is
    """

    gain: np.ndarray
    offset: np.ndarray
    eps: float
    together: int = 1
    slope: float = 1.0


def normalise(x: np.ndarray, by: Norm, channels: tuple[int, int]) -> None:
    """Changes ``x``, float32 ``[channel, k, j, i]``, contiguous: from one channel to another, whole groups."""
    of = slice(*channels)
    rows = x[of].reshape(channels[1] - channels[0], -1)
    _normalise(rows, by.gain[of], by.offset[of], by.together, by.eps, np.float32(by.slope))


@njit(cache=True, nogil=True)
def _normalise(x, gain, offset, together, eps, slope):  # type: ignore[no-untyped-def]
    total, squares = np.empty(WIDE), np.empty(WIDE)
    for first in range(0, len(x), together):
        total[:], squares[:] = 0, 0
        # Whole rows of WIDE first: a compiler makes vectors of them, and what is left over follows.
        for c in range(first, first + together):
            row = x[c]
            whole = row.size // WIDE * WIDE
            for n in range(0, whole, WIDE):
                part = row[n : n + WIDE]
                for m in range(WIDE):
                    value = np.float64(part[m])
                    total[m] += value
                    squares[m] += value * value
            for n in range(whole, row.size):
                value = np.float64(row[n])
                total[n - whole] += value
                squares[n - whole] += value * value
        sum_, square = 0.0, 0.0
        for m in range(WIDE):
            sum_ += total[m]
            square += squares[m]
        count = together * x.shape[1]
        mean = sum_ / count
        scale = 1 / np.sqrt(max(square / count - mean * mean, 0.0) + eps)
        for c in range(first, first + together):
            row, factor = x[c], np.float32(gain[c] * scale)
            addend = np.float32(offset[c] - mean * gain[c] * scale)
            for n in range(row.size):
                value = row[n] * factor + addend
                row[n] = value if value > 0 else slope * value
