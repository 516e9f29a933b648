"""A volume goes on beyond its border: what a row looks at out there is folded onto voxels that exist."""

from __future__ import annotations

from typing import Literal

import numpy as np

Border = Literal["mirror", "nearest"]
"""How a lattice goes on: ``c b | a b c | b a`` or ``a a | a b c | c c``."""


def folded(
    base: np.ndarray, weights: np.ndarray, bounds: tuple[int, int], border: Border
) -> tuple[np.ndarray, np.ndarray]:
    """Index and weights of rows that look at ``base, base + 1, ...``, with what is beyond the bounds folded in."""
    low, high = bounds
    width = min(weights.shape[1], high - low)
    index = base.astype("i8")[:, None] + np.arange(weights.shape[1])
    first = np.clip(index[:, 0], low, high - width)
    if border == "mirror":
        period = max(2 * (high - low - 1), 1)
        index = (index - low) % period
        index = low + np.minimum(index, period - index)
    return gathered(np.clip(index, low, high - 1), weights, first, width)


def gathered(index: np.ndarray, weights: np.ndarray, first: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ``width`` voxels from ``first`` on; weights of one voxel are added up in their order."""
    made = np.zeros((len(index), width))
    np.add.at(made, (np.arange(len(index))[:, None], index - first[:, None]), weights)
    return first[:, None] + np.arange(width), made
