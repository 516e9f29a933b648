"""Launches ``similarity.cu``: SSIM and errors of two quantised images in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.kernels import cuda
from pipeline.xp import Array, namespace, to_host

_THREADS = 128


def similarity(
    a: Array,
    b: Array,
    own: Sequence[int],
    first: Sequence[int],
    last: Sequence[int],
    size: Sequence[int],
    stride: int,
    one: int,
) -> list[int]:
    """``[windows, ssim, ssim_min, voxels, squared, absolute]`` of int16 images [k, j, i]: see ``kernels.quality``.

    Windows of ``size`` voxels begin at first, first + stride, ... < last; errors are counted on the first ``own``
    voxels of each axis.  ``one`` is the SSIM of 1 in fixed point.
    """
    sums = namespace(a).array([0, 0, one, 0, 0, 0], np.int64)
    lead = [int(at > 0) for at in first]
    cells = [n + max(0, cuda.parts(o - at, stride)) for n, o, at in zip(lead, own, first, strict=True)]
    grid = (cuda.parts(cells[2], _THREADS), cells[1], cells[0])
    windowed = size[0] * size[1] * size[2] > 1  # one voxel has no variance
    numbers = (*a.shape[1:], *own, *first, *last, *size, stride, *lead, windowed)
    arguments = (a, b, *map(np.int32, numbers), sums)
    cuda.launch("similarity.cu", "similarity", grid, (_THREADS, 1, 1), arguments)
    return [int(n) for n in to_host(sums)]


KERNELS = {"similarity.cu": ["similarity"]}
"""All instances, by source."""
