"""Binary morphology by a ball given in millimetres; gives uint8 of 0 and 1.

The mask, uint8 or bool [k, j, i], lies in endless background.  A dilation is cut at the border of the array, an erosion
comes in from it.  The two steps of a closing or an opening are not cut in between: an object at the border keeps its
shape under a closing, which therefore holds every voxel of the mask, and an opening never adds one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, sqrt
from typing import Literal

import numpy as np
from numba import njit

from pipeline.kernels import bits
from pipeline.xp import Array, namespace

Ball = tuple[tuple[int, int, int], ...]
"""Per row of the ball ``(dk, dj, half_i)``: it holds the offsets (dk, dj, -half_i .. half_i)."""

Step = Literal["dilate", "erode"]


def ball(radius_mm: float, spacing: Sequence[float]) -> Ball:
    """Voxel offsets of a ball, on voxels of ``spacing`` mm along k, j, i.

    An offset belongs to it where ``(dk sk)^2 + (dj sj)^2 + (di si)^2 <= radius^2 + 1e-6`` (mm2): the
    slack keeps a radius of 3 x 0.7 mm three voxels long, whatever the last bit of the product is.

    >>> ball(1.0, (2.0, 1.0, 0.5))
    ((0, -1, 0), (0, 0, 2), (0, 1, 0))
    """
    sk, sj, si = spacing
    limit = radius_mm * radius_mm + 1e-6
    k, j = (floor(sqrt(limit) / s) for s in (sk, sj))
    rows = ((dk, dj, limit - (dk * sk) ** 2 - (dj * sj) ** 2) for dk in range(-k, k + 1) for dj in range(-j, j + 1))
    return tuple((dk, dj, floor(sqrt(rest) / si)) for dk, dj, rest in rows if rest >= 0)


def radius(ball: Ball) -> tuple[int, int, int]:
    """How far the ball reaches along k, j, i, in voxels.

    >>> radius(ball(2.0, (2.5, 1.0, 0.7)))
    (0, 2, 2)
    """
    k, j, i = (max(row[axis] for row in ball) for axis in range(3))
    return k, j, i


def dilation(mask: Array, ball: Ball) -> Array:
    """1 where the ball about a voxel holds a voxel of the mask."""
    return _apply(mask, ball, "dilate")


def erosion(mask: Array, ball: Ball) -> Array:
    """1 where the ball about a voxel holds nothing but voxels of the mask."""
    return _apply(mask, ball, "erode")


def closing(mask: Array, ball: Ball) -> Array:
    """Dilation, then erosion: what no ball in the background reaches."""
    return _apply(mask, ball, "dilate", "erode")


def opening(mask: Array, ball: Ball) -> Array:
    """Erosion, then dilation: all balls that fit into the mask."""
    return _apply(mask, ball, "erode", "dilate")


def _apply(mask: Array, ball: Ball, *steps: Step) -> Array:
    if mask.dtype not in (np.uint8, np.bool_):
        raise TypeError(f"a mask is uint8 or bool, not {mask.dtype}")
    if namespace(mask) is np:
        return _by_bits(mask, ball, steps)
    return _by_footprint(mask, ball, steps)


def _by_bits(mask: np.ndarray, ball: Ball, steps: tuple[Step, ...]) -> np.ndarray:
    rk, rj, ri = radius(ball)
    margin = ceil(ri / 64)
    words = np.pad(bits.pack(mask), ((rk, rk), (rj, rj), (margin, margin)))
    rows = np.array(sorted(ball, key=lambda row: row[2]), np.int64)
    for step in steps:
        # Erosion is the dilation of the background.  What lies beyond the margins is taken for foreground
        # here, which reaches no voxel of the mask: the margins are as wide as the ball.
        words = _dilate(words, rows) if step == "dilate" else ~_dilate(~words, rows)
    k, j, w = words.shape
    return bits.unpack(words[rk : k - rk, rj : j - rj, margin : w - margin], mask.shape[2])


def _by_footprint(mask: Array, ball: Ball, steps: tuple[Step, ...]) -> Array:
    """The same by cuCIM: CuPy arrays."""
    from cucim.skimage import morphology

    xp = namespace(mask)
    reach = radius(ball)
    footprint = np.zeros([2 * n + 1 for n in reach], np.uint8)
    for dk, dj, half in ball:
        footprint[reach[0] + dk, reach[1] + dj, reach[2] - half : reach[2] + half + 1] = 1
    made = xp.pad((mask != 0).astype(np.uint8), [(n, n) for n in reach])
    for step in steps:
        # Beyond the margins all is background.
        if step == "dilate":
            made = morphology.dilation(made, xp.asarray(footprint), mode="min")
        else:
            made = morphology.erosion(made, xp.asarray(footprint), mode="min")
    return made[tuple(slice(n, n + length) for n, length in zip(reach, mask.shape, strict=True))]


@njit(cache=True, nogil=True)
def _dilate(words: np.ndarray, ball: np.ndarray) -> np.ndarray:
    """Bit rows [k, j, w] dilated by the rows of a ball, which are sorted by half width."""
    nk, nj, nw = words.shape
    out = np.zeros_like(words)
    row = np.empty(nw, np.uint64)
    spare = np.empty(nw, np.uint64)
    for k in range(nk):
        for j in range(nj):
            any_bit = np.uint64(0)
            for w in range(nw):
                row[w] = words[k, j, w]
                any_bit |= row[w]
            if any_bit == 0:
                continue
            half = 0
            for b in range(ball.shape[0]):
                while half < ball[b, 2]:
                    # A row that is spread by h has no gap for a shift of up to 2 h + 1 to leave open.
                    shift = min(ball[b, 2] - half, 2 * half + 1, 63)
                    _spread(row, spare, np.uint64(shift))
                    row, spare = spare, row
                    half += shift
                kk = k + ball[b, 0]
                jj = j + ball[b, 1]
                if 0 <= kk < nk and 0 <= jj < nj:
                    for w in range(nw):
                        out[kk, jj, w] |= row[w]
    return out


@njit(cache=True, nogil=True)
def _spread(row: np.ndarray, out: np.ndarray, shift: np.uint64) -> None:
    """``out`` = the row, or it moved by ``shift`` bits (1 to 63) either way."""
    rest = np.uint64(64) - shift
    last = row.size - 1
    for w in range(row.size):
        here = row[w]
        low = row[w - 1] >> rest if w > 0 else np.uint64(0)
        high = row[w + 1] << rest if w < last else np.uint64(0)
        out[w] = here | (here << shift) | low | (here >> shift) | high
