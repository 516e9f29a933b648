"""Convolution of many channels by filters of 3 x 3 x 3 or 1 x 3 x 3, as networks have them, by Winograd's tiles.

::

    x, padded by zeros --> 4 x 4 rows --B--> 16 positions --filters, taps along i--> 16 --A--> 2 x 2 rows of out

A tile is all of a row along i.  Several tiles along j lie side by side in one line, whose columns between two rows are
computed and never read.  What a voxel becomes does not depend on which planes are made in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numba import njit

from pipeline.kernels.tiles import (
    COLUMNS,
    LANES,
    ROWS,
    Size,
    blocks,
    gather,
    gather_flat,
    multiply,
    spread,
    spread_flat,
)

CACHE = 48 * 1024
"""Numbers (float32) that the spread tiles of a line may fill, so that they stay in a core's second cache."""

TAPS = 3

_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


def suits(kernel: tuple[int, ...]) -> bool:
    """Whether filters of this size along k, j, i are what this module knows."""
    return kernel in ((3, 3, 3), (1, 3, 3))


@dataclass(frozen=True)
class Winograd:
    """Filters made ready.

    Attributes
    ----------
    packed : float32, flat: what ``blocks`` made of ``[position, filter, channel and tap along i]``
    bias : float32, one a filter
    deep : three taps along k; else one
    """

    packed: np.ndarray
    bias: np.ndarray
    deep: bool

    @staticmethod
    def of(weight: np.ndarray, bias: np.ndarray | None = None) -> Winograd:
        """``weight`` ``[filter, channel, 3 or 1, 3, 3]``, as torch has them: correlation, not flipped.

        What ``G`` makes of them is computed in float64.
        """
        count, deep = len(weight), weight.shape[2] == 3
        spread_ = np.einsum("qb,ocabt->aqoct", _G, weight.astype(np.float64))
        if deep:
            spread_ = np.einsum("pa,aqoct->pqoct", _G, spread_)
        offsets = np.zeros(count) if bias is None else bias
        return Winograd(blocks(spread_.reshape(*spread_.shape[:3], -1)), offsets.astype(np.float32), deep)

    @property
    def step(self) -> int:
        """Planes of the result that are made together."""
        return 2 if self.deep else 1

    def shape(self, source: Size) -> Size:
        """Of the result, along k, j, i."""
        return source

    def laid(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Float32 ``[channel, k, j, i]``, one after the other, as ``convolve`` reads it: zeros around, k and j even."""
        k, j, i = parts[0].shape[1:]
        channels = sum(map(len, parts))
        shape = (channels, k + k % 2 + 2 if self.deep else k, j + j % 2 + 2, i + 2)
        made = np.empty(prod(shape) + LANES, np.float32)[:-LANES].reshape(shape)
        first = 0
        for part in parts:
            _pad(part, made[first : first + len(part)], int(self.deep))
            first += len(part)
        return made

    def convolve(self, x: np.ndarray, out: np.ndarray, planes: tuple[int, int]) -> None:
        """Writes ``out``, float32 ``[filter, k, j, i]``: planes from the first, a multiple of ``step``, to the second.

        x : what ``laid`` made
        """
        channels, width = len(x), x.shape[3]
        tiles = _tiles(channels, width, -(-out.shape[2] // 2), 16 if self.deep else 4)
        _convolve(x, self.packed, self.bias, self.deep, out, *planes, tiles)


def _tiles(channels: int, width: int, rows: int, positions: int) -> int:
    """Side by side in a line: so many that the fewest columns are wasted, within the cache."""
    most = min(rows, max(1, CACHE // (positions * channels * width), -(-2 * COLUMNS // width)))

    def columns(tiles: int) -> int:
        whole, rest = divmod(rows, tiles)
        return whole * -(-(tiles * width - 2) // COLUMNS) + (-(-(rest * width - 2) // COLUMNS) if rest else 0)

    return min(range(1, most + 1), key=columns)


@njit(cache=True, nogil=True)
def _pad(x, out, above):  # type: ignore[no-untyped-def]
    channels, planes, rows, width = x.shape
    for c in range(channels):
        for k in range(out.shape[1]):
            inside = above <= k < planes + above
            for j in range(out.shape[2]):
                if inside and 1 <= j <= rows:
                    line, source = out[c, k, j], x[c, k - above, j - 1]
                    line[0], line[1 + width] = 0, 0
                    for i in range(width):
                        line[1 + i] = source[i]
                else:
                    out[c, k, j] = 0


@njit(cache=True, nogil=True)
def _convolve(x, packed, bias, deep, out, first, last, tiles):  # type: ignore[no-untyped-def]
    channels, planes, rows, width = x.shape
    lines = x.reshape(-1)
    positions, step = (16, 2) if deep else (4, 1)
    length = -(-(tiles * width - 2) // COLUMNS) * COLUMNS + 2 * LANES
    spread_ = np.zeros(positions * channels * length, np.float32)
    products = np.zeros(positions * ROWS * length, np.float32)
    longest = -(-out.shape[3] // LANES) * LANES
    made = np.empty(2 * step * longest, np.float32)
    count = -(-out.shape[0] // ROWS)
    offsets = np.empty(TAPS * channels, np.intp)
    for n in range(offsets.size):
        offsets[n] = n // TAPS * length + n % TAPS
    for k in range(first, last, step):
        for j in range(0, out.shape[2], 2 * tiles):
            here = min(tiles, (out.shape[2] - j + 1) // 2)
            for c in range(channels):
                for t in range(here):
                    source = ((c * planes + k) * rows + j + 2 * t) * width
                    target = c * length + t * width
                    for i in range(0, width, LANES):
                        if deep:
                            spread(spread_, target + i, channels * length, lines, source + i, rows * width, width)
                        else:
                            spread_flat(spread_, target + i, channels * length, lines, source + i, rows * width, width)
            for block in range(count):
                for p in range(positions):
                    weights = (p * count + block) * offsets.size * ROWS
                    for i in range(0, here * width - 2, COLUMNS):
                        multiply(
                            products,
                            p * ROWS * length + i,
                            length,
                            packed,
                            weights,
                            spread_,
                            p * channels * length + i,
                            offsets,
                        )
                for o in range(block * ROWS, min(block * ROWS + ROWS, out.shape[0])):
                    for t in range(here):
                        source = (o - block * ROWS) * length + t * width
                        for i in range(0, out.shape[3], LANES):
                            if deep:
                                gather(made, i, longest, products, source + i, ROWS * length)
                            else:
                                gather_flat(made, i, longest, products, source + i, ROWS * length)
                        for n in range(2 * step):
                            to_k, to_j = k + n // 2, j + 2 * t + n % 2
                            if to_k < last and to_j < out.shape[2]:
                                line, values = out[o, to_k, to_j], made[n * longest : (n + 1) * longest]
                                for i in range(line.size):
                                    line[i] = values[i] + bias[o]
