"""Convolution of many channels by filters of any size and stride, and its transpose where stride and size are one.

For some rows of the result at a time, each row of the source that they look at becomes lines: one a remainder of i by
the stride, so that what a tap sees lies as the result does::

    x --> [channel, tap along k, tap along j, remainder of i] x [row, quotient of i] --filters--> rows of out

A transposed convolution is one of size 1 that makes the voxels of a cell as if they were so many filters.
What a voxel becomes does not depend on which planes are made in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from pipeline.kernels.tiles import COLUMNS, ROWS, Size, blocks, multiply

POINT: Size = (1, 1, 1)


@dataclass(frozen=True)
class Direct:
    """Filters made ready.

    Attributes
    ----------
    packed : float32, flat: what ``blocks`` made
    bias : float32, one a channel that comes out
    kernel : voxels along k, j, i that a filter looks at; zeros lie around, half of it on each side
    stride : voxels of the source from one to the next
    cell : voxels of the result that one voxel of the source becomes; more than one where transposed
    """

    packed: np.ndarray
    bias: np.ndarray
    kernel: Size
    stride: Size = POINT
    cell: Size = POINT

    @staticmethod
    def of(weight: np.ndarray, bias: np.ndarray | None = None, stride: Size = POINT) -> Direct:
        """``weight`` ``[filter, channel, k, j, i]``, as torch has them: correlation, not flipped."""
        k, j, i = weight.shape[2:]
        offsets = np.zeros(len(weight)) if bias is None else bias
        return Direct(blocks(weight.reshape(len(weight), -1)), offsets.astype(np.float32), (k, j, i), stride)

    @staticmethod
    def transposed(weight: np.ndarray, bias: np.ndarray | None = None) -> Direct:
        """``weight`` ``[channel, filter, k, j, i]``, as torch has them; the stride is the size."""
        channels, count, k, j, i = weight.shape
        offsets = np.zeros(count) if bias is None else bias
        return Direct(blocks(weight.reshape(channels, -1).T), offsets.astype(np.float32), POINT, POINT, (k, j, i))

    @property
    def step(self) -> int:
        """Planes of the result that are made together."""
        return self.cell[0]

    def shape(self, source: Size) -> Size:
        """Of the result, along k, j, i."""
        k, j, i = (
            ((n + 2 * (m // 2) - m) // s + 1) * c
            for n, m, s, c in zip(source, self.kernel, self.stride, self.cell, strict=True)
        )
        return k, j, i

    def laid(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Float32 ``[channel, k, j, i]``, one after the other, as ``convolve`` reads it."""
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def convolve(self, x: np.ndarray, out: np.ndarray, planes: tuple[int, int]) -> None:
        """Writes ``out``, float32 ``[filter, k, j, i]``: planes from the first, a multiple of ``step``, to the second.

        x : float32 ``[channel, k, j, i]``
        """
        width = out.shape[3] // self.cell[2] + (self.kernel[2] - 1) // self.stride[2]
        rows = max(1, 4 * COLUMNS // width)
        _convolve(x, self.packed, self.bias, self.kernel, self.stride, self.cell, out, *planes, rows, width)


@njit(cache=True, nogil=True)
def _spread(x, kernel, stride, k, j, rows, width, lines, length):  # type: ignore[no-untyped-def]
    """The lines, zeros at first, of some rows of plane k of the result, from row j: what lies outside stays zero."""
    channels, planes, heights, columns = x.shape
    n = 0
    for c in range(channels):
        for a in range(kernel[0]):
            at_k = k * stride[0] + a - kernel[0] // 2
            for b in range(kernel[1]):
                for remainder in range(stride[2]):
                    away = remainder - kernel[2] // 2
                    begin = min(width, -(away // stride[2]))
                    end = max(begin, min(width, (columns - 1 - away) // stride[2] + 1))
                    for r in range(rows):
                        at_j = (j + r) * stride[1] + b - kernel[1] // 2
                        line = lines[n + r * width : n + (r + 1) * width]
                        if 0 <= at_k < planes and 0 <= at_j < heights:
                            source, here = x[c, at_k, at_j, begin * stride[2] + away :], line[begin:end]
                            if stride[2] == 1:
                                for i in range(here.size):
                                    here[i] = source[i]
                            elif stride[2] == 2:
                                for i in range(here.size):
                                    here[i] = source[2 * i]
                            else:
                                for i in range(here.size):
                                    here[i] = source[i * stride[2]]
                        else:
                            for i in range(width):
                                line[i] = 0
                    n += length


@njit(cache=True, nogil=True)
def _convolve(x, packed, bias, kernel, stride, cell, out, first, last, rows, width):  # type: ignore[no-untyped-def]
    height, length, voxels = out.shape[2] // cell[1], out.shape[3] // cell[2], cell[0] * cell[1] * cell[2]
    row = -(-rows * width // COLUMNS) * COLUMNS + kernel[2]
    looked = x.shape[0] * kernel[0] * kernel[1]
    lines, made = np.zeros(looked * stride[2] * row, np.float32), np.empty(ROWS * row, np.float32)
    offsets = np.empty(looked * kernel[2], np.intp)
    for n in range(offsets.size):
        line, tap = divmod(n, kernel[2])
        offsets[n] = (line * stride[2] + tap % stride[2]) * row + tap // stride[2]
    for k in range(first // cell[0], last // cell[0]):
        for j in range(0, height, rows):
            here = min(rows, height - j)
            _spread(x, kernel, stride, k, j, here, width, lines, row)
            for block in range(0, len(bias) * voxels, ROWS):
                for i in range(0, here * width - width + length, COLUMNS):
                    multiply(made, i, row, packed, block * offsets.size, lines, i, offsets)
                for m in range(min(ROWS, len(bias) * voxels - block)):
                    o, voxel = divmod(block + m, voxels)
                    above, inside = divmod(voxel, cell[1] * cell[2])
                    beside, along = divmod(inside, cell[2])
                    for r in range(here):
                        line = out[o, k * cell[0] + above, (j + r) * cell[1] + beside, along:]
                        values = made[m * row + r * width : m * row + r * width + length]
                        if cell[2] == 1:
                            for i in range(values.size):
                                line[i] = values[i] + bias[o]
                        elif cell[2] == 2:
                            for i in range(values.size):
                                line[2 * i] = values[i] + bias[o]
                        else:
                            for i in range(values.size):
                                line[i * cell[2]] = values[i] + bias[o]
