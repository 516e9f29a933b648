"""The images that are compared on: made by a formula, the same on every machine."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pipeline.demo import phantom

SPACING = (1.25, 0.75, 0.75)
"""mm along k, j, i of all CT images here: usual ones, and such that lengths in mm are whole, on which grids agree."""


@lru_cache(maxsize=2)
def ct(shape: tuple[int, int, int]) -> np.ndarray:
    """int16 HU of a chest on a table, with the noise of a scan; read-only."""
    hu, _ = phantom.chest(shape, SPACING, seed=1)
    hu.setflags(write=False)
    return hu


@lru_cache(maxsize=2)
def structures(shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 labels of that chest: left lung, right lung, spine; read-only."""
    _, labels = phantom.chest(shape, SPACING, seed=1)
    labels.setflags(write=False)
    return labels


@lru_cache(maxsize=2)
def mr(shape: tuple[int, int, int]) -> np.ndarray:
    """float32 signal of a head under a coil's shading, voxels of 1 mm; read-only."""
    signal = phantom.head(shape, (1.0, 1.0, 1.0), seed=1).astype(np.float32)
    signal.setflags(write=False)
    return signal


def shading(shape: tuple[int, int, int]) -> np.ndarray:
    """float64: what ``phantom.head`` multiplies the signal by: it rises along x and y, in mm from the middle."""
    y, x = ((np.arange(n) - (n - 1) / 2) for n in shape[1:])
    return np.broadcast_to(1 + (x[None, None, :] + 2 * y[None, :, None]) / 1500, shape)
