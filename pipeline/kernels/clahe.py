"""Contrast-limited adaptive histogram equalization.

K. Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems IV, 1994, as ``equalize_adapthist`` of
scikit-image and cuCIM does it: on a GPU that very call; on a CPU compiled code that gives scikit-image's numbers to
the bit, in a tenth of the time and of the memory (ADR 0011)::

    voxels --> 2^16 levels --> 2^14 levels from the smallest to the largest --> bins
    tile: histogram --> clipped, what was cut off spread over all bins --> cumulated = its map
    voxel: the maps of the eight tiles around it, blended --> stretched to 0..1
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels import intensity
from pipeline.kernels.ramp import Ramp
from pipeline.xp import Array, namespace

LEVELS = 2**16
GREYS = 2**14
"""Of the libraries' own scale."""


def equalize(
    x: Array, lower: float, upper: float, kernel: Sequence[int], clip_limit: float, bins: int, dtype: np.dtype | str
) -> Array:
    """0..1 in ``dtype``, of the shape of ``x``: each voxel's rank in the histograms of the tiles around it.

    Parameters
    ----------
    x : ``[k, j, i]``, never written.  Clipped to ``lower .. upper`` first; NaN counts as ``lower``.
    kernel : voxels of a tile along k, j, i; at most as many as ``x`` has
    clip_limit : the most that one bin of a tile holds, of the voxels of a tile; 0 limits nothing
    bins : of the histogram of a tile, at least 2
    dtype : a float; the result is computed in float64 and rounded once
    """
    xp = namespace(x)
    levels = _levels(x, lower, upper)
    if not levels.size or levels.min() == levels.max():
        return (levels / (LEVELS - 1)).astype(dtype)
    if xp is np:
        return _equalized(levels, kernel, clip_limit, bins, np.dtype(dtype))
    import cucim.skimage.exposure as on_gpu

    # The function inside its decorator, which guesses that a last axis of 3 or 4 voxels is colour.
    made = on_gpu.equalize_adapthist.__wrapped__(levels, kernel_size=tuple(kernel), clip_limit=clip_limit, nbins=bins)
    return made.astype(dtype)


def _levels(x: Array, lower: float, upper: float) -> Array:
    """uint16: ``lower .. upper`` on 0..65535, rounded half to even; slice by slice, to need no more memory."""
    ramp = Ramp(lower, upper, lower, (LEVELS - 1) / (upper - lower), np.dtype("float32"))
    levels = namespace(x).empty(x.shape, np.uint16)
    for k in range(x.shape[0]):
        levels[k] = intensity.as_dtype(intensity.ramp(x[k : k + 1], ramp)[0], levels.dtype)
    return levels


def _equalized(levels: np.ndarray, kernel: Sequence[int], clip_limit: float, bins: int, dtype: np.dtype) -> np.ndarray:
    """Writes over ``levels``, whose values are at least two."""
    low, high = int(levels.min()), int(levels.max())
    grey = np.rint((np.arange(LEVELS) - float(low)).clip(0, high - low) / float(high - low) * (GREYS - 1))
    bin_of = grey.astype(np.int64) // (1 + GREYS // bins)
    size = kernel[0] * kernel[1] * kernel[2]
    tiles = [-(-n // m) for n, m in zip(levels.shape, kernel, strict=True)]
    counts = np.zeros((*tiles, bins), np.int64)
    k, j, i = (_mirrored(n, m) for n, m in zip(levels.shape, kernel, strict=True))
    _count(levels, bin_of, k, j, i, tuple(kernel), counts)
    if clip_limit > 0:
        _clip(counts.reshape(-1, bins), int(max(clip_limit * size, 1)))
    maps = np.minimum(counts.cumsum(axis=-1) * ((GREYS - 1) / size), GREYS - 1).astype(np.uint16)
    (kt, kw), (jt, jw), (it, iw) = (_between(n, m) for n, m in zip(levels.shape, kernel, strict=True))
    _blend(levels, bin_of, maps, kt, kw, jt, jw, it, iw)
    low, high = int(levels.min()), int(levels.max())
    greys = np.arange(GREYS, dtype=np.float64)
    stretched = (greys - low) / (high - low) if low < high else greys  # all in one grey: only 0 is 0
    return stretched.clip(0, 1).astype(dtype)[levels]


def _mirrored(n: int, tile: int) -> np.ndarray:
    """int64: the voxels that tiles count along an axis of n; beyond the last it goes back."""
    at = np.arange(-(-n // tile) * tile)
    return np.where(at < n, at, 2 * (n - 1) - at)


def _between(n: int, tile: int) -> tuple[np.ndarray, np.ndarray]:
    """The two tiles about each voxel of an axis, int64 [n, 2], and their weights, float64 [n, 2]."""
    at = np.arange(n) + tile // 2
    part = (at % tile) / tile
    last = -(-n // tile) - 1
    return np.stack([at // tile - 1, at // tile], 1).clip(0, last), np.stack([1 - part, part], 1)


@njit(cache=True, nogil=True)
def _count(levels, bin_of, k_at, j_at, i_at, kernel, counts):  # type: ignore[no-untyped-def]
    for k in range(k_at.size):
        for j in range(j_at.size):
            line, tiles = levels[k_at[k], j_at[j]], counts[k // kernel[0], j // kernel[1]]
            for t in range(tiles.shape[0]):
                for i in range(t * kernel[2], (t + 1) * kernel[2]):
                    tiles[t, bin_of[line[i_at[i]]]] += 1


@njit(cache=True, nogil=True)
def _clip(counts, limit):  # type: ignore[no-untyped-def]
    """Cut every histogram off at ``limit``; what is cut off is added evenly, the rest one by one, bins in turn."""
    bins = counts.shape[1]
    for t in range(counts.shape[0]):
        bars, excess = counts[t], 0
        for b in range(bins):
            excess += max(bars[b] - limit, 0)
            bars[b] = min(bars[b], limit)
        share = excess // bins
        for b in range(bins):
            if bars[b] < limit - share:
                bars[b] += share
                excess -= share
        for b in range(bins):
            if limit - share <= bars[b] < limit:
                excess -= limit - bars[b]
                bars[b] = limit
        _spread(bars, limit, excess)


@njit(cache=True, nogil=True)
def _spread(bars, limit, excess):  # type: ignore[no-untyped-def]
    while excess > 0:
        before = excess
        for first in range(bars.size):
            below = 0
            for b in range(bars.size):
                below += bars[b] < limit
            step = max(1, below // excess)
            for b in range(first, bars.size, step):
                if bars[b] < limit:
                    bars[b] += 1
                    excess -= 1
            if excess <= 0:
                return
        if excess == before:
            return


@njit(cache=True, nogil=True)
def _blend(levels, bin_of, maps, k_tile, k_weight, j_tile, j_weight, i_tile, i_weight):  # type: ignore[no-untyped-def]
    for k in range(levels.shape[0]):
        for j in range(levels.shape[1]):
            line = levels[k, j]
            for i in range(line.size):
                b, total = bin_of[line[i]], np.float32(0)
                for a in range(2):
                    for c in range(2):
                        row = maps[k_tile[k, a], j_tile[j, c]]
                        for d in range(2):
                            weight = i_weight[i, d] * j_weight[j, c] * k_weight[k, a]
                            total += np.float32(row[i_tile[i, d], b] * weight)
                line[i] = np.uint16(total)
