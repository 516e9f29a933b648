"""Launches ``philox.cu``: random words and normal numbers by voxel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.kernels import cuda
from pipeline.xp import Array

_THREADS = (32, 8, 1)


def fill(out: Array, key: int, start: Sequence[int], stream: int) -> None:
    """Into ``out``, ``[k, j, i]`` and contiguous: ``kernels.philox.words`` (uint32) or ``normal`` (float32)."""
    nk, nj, ni = out.shape
    quads = (start[2] % 4 + ni + 3) // 4
    blocks = (cuda.parts(quads, _THREADS[0]), cuda.parts(nj, _THREADS[1]), nk)
    lattice = map(np.int32, (nj, ni, *start))
    numbers = map(np.uint32, (key & 0xFFFFFFFF, key >> 32, stream))
    cuda.launch("philox.cu", cuda.kernel("philox", out.dtype), blocks, _THREADS, (out, *lattice, *numbers))


KERNELS = {"philox.cu": [cuda.kernel("philox", "uint32"), cuda.kernel("philox", "float32")]}
"""All instances, by source: words, and normal numbers."""
