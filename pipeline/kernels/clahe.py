"""Contrast-limited adaptive histogram equalization: the same call of scikit-image and, on a GPU, of cuCIM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipeline.xp import Array, namespace


def equalize(x: Array, lower: float, upper: float, kernel: Sequence[int], clip_limit: float, bins: int) -> Array:
    """float32 0..1 of the shape of ``x``: each voxel's rank in the histograms of the tiles around it.

    K. Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems IV, 1994, as the libraries do it:
    on 2^14 levels from the smallest value to the largest, and stretched to 0..1 in the end.

    Parameters
    ----------
    x : ``[k, j, i]``, never written.  Clipped to ``lower .. upper`` first; NaN counts as ``lower``.
    kernel : voxels of a tile along k, j, i
    clip_limit : the most that one bin of a tile holds, of the voxels of a tile; 0 limits nothing
    bins : of the histogram of a tile
    """
    xp = namespace(x)
    low, high = np.float32(lower), np.float32(upper)
    wide = x.astype(np.float32)
    wide = xp.where(wide >= low, xp.where(wide <= high, wide, high), low)
    unit = (wide - low) / (high - low)
    if not unit.size or unit.min() == unit.max():
        return unit
    made = _call(xp)(unit, kernel_size=tuple(kernel), clip_limit=clip_limit, nbins=bins)
    return made.astype(np.float32, copy=False)


def _call(xp: Any) -> Callable[..., Array]:
    """The library's function, without its guess that a last axis of 3 or 4 voxels is colour."""
    found: Callable[..., Array]
    if xp is np:
        from skimage import exposure

        found = exposure.equalize_adapthist.__wrapped__
    else:
        import cucim.skimage.exposure as on_gpu

        found = on_gpu.equalize_adapthist.__wrapped__
    return found
