"""Masks as bits: 64 voxels of a row in one word, so that one instruction serves them all."""

from __future__ import annotations

import numpy as np


def pack(mask: np.ndarray) -> np.ndarray:
    """Mask [k, j, i] to little-endian words [k, j, ceil(i / 64)]; bit b of word w is voxel 64 w + b.

    Bits beyond the end of a row are 0.  Raises TypeError where the mask is neither uint8 nor bool.
    """
    if mask.dtype not in (np.uint8, np.bool_):
        raise TypeError(f"a mask is uint8 or bool, not {mask.dtype}")
    k, j, i = mask.shape
    octets = np.zeros((k, j, -(-i // 64) * 8), np.uint8)
    octets[..., : -(-i // 8)] = np.packbits(mask, axis=-1, bitorder="little")
    return octets.view("<u8")


def unpack(words: np.ndarray, length: int) -> np.ndarray:
    """The first ``length`` voxels of every row: words [k, j, w] to uint8 [k, j, length] of 0 and 1."""
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=length, bitorder="little")
