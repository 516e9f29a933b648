"""Launches ``histogram.cu``: exact counts of bit patterns, brought to the host."""

from __future__ import annotations

import numpy as np

from pipeline.kernels import cuda
from pipeline.xp import Array, namespace, to_host

_BLOCKS = 528
"""At most: four a multiprocessor on the largest GPUs; each ends by adding its table to the whole."""


def count(patterns: Array, weights: Array | None) -> np.ndarray:
    """int64 [256 or 65536]: how often each pattern of a flat uint8 or uint16 array occurs, where ``weights`` is 1.

    Of uint32, the patterns of floats, it is the upper half that counts.
    """
    counts = namespace(patterns).zeros(256 if patterns.itemsize == 1 else 65536, np.int64)
    name = cuda.kernel("count", patterns.dtype, weights is not None)
    _launch(name, 512, patterns, weights, (counts,), voxels=32, shared=12 * 1024 * 4)
    return to_host(counts)


def count_float32(patterns: Array, weights: Array | None) -> tuple[np.ndarray, int, int]:
    """``(counts [65536, 3], nan, infinite)`` of the patterns of floats; see ``kernels.histogram.count``."""
    xp = namespace(patterns)
    counts, odd = xp.zeros((65536, 3), np.int64), xp.zeros(2, np.int64)
    _launch(cuda.kernel("count_float32", weights is not None), 256, patterns, weights, (counts, odd), voxels=4)
    nan, infinite = to_host(odd).tolist()
    return to_host(counts), nan, infinite


def detail(patterns: Array, weights: Array | None, row: np.ndarray, rows: int) -> np.ndarray:
    """int64 [rows, 65536] by lower half, of patterns whose upper half has a row.

    ``row`` is uint8 [65536]: the number of the row from 1 on, 0 where there is none.
    """
    xp = namespace(patterns)
    counts = xp.zeros((rows, 65536), np.int64)
    name = cuda.kernel("detail", weights is not None)
    _launch(name, 256, patterns, weights, (xp.asarray(row), counts), voxels=4)
    return to_host(counts)


def _launch(
    name: str,
    threads: int,
    patterns: Array,
    weights: Array | None,
    rest: tuple[Array, ...],
    voxels: int,
    shared: int = 0,
) -> None:
    """Blocks for about ``voxels`` a thread."""
    blocks = min(cuda.parts(patterns.size, threads * voxels), _BLOCKS)
    arguments = (patterns, np.int64(patterns.size), cuda.NOTHING if weights is None else weights, *rest)
    cuda.launch("histogram.cu", name, (blocks, 1, 1), (threads, 1, 1), arguments, shared)


_COUNTS = [cuda.kernel("count", word, weighted) for word in ("uint8", "uint16", "uint32") for weighted in (False, True)]
_OTHERS = [cuda.kernel(name, weighted) for name in ("count_float32", "detail") for weighted in (False, True)]
KERNELS = {"histogram.cu": _COUNTS + _OTHERS}
"""All instances, by source."""
