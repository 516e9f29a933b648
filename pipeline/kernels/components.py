"""Connected components of a mask, numbered 0, 1, ... in C order of their first voxel.

Runs of rows on the CPU, an image of labels on the GPU: both answer the same questions with the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from pipeline.kernels.runs import runs
from pipeline.xp import Array, namespace, to_host

Connectivity = Literal[4, 6, 26]
"""Which voxels belong together: those that share a face within a slice (slices stay apart), a face, or a corner."""

NEIGHBOURS = {4: ((0, -1),), 6: ((0, -1), (-1, 0)), 26: ((0, -1), (-1, -1), (-1, 0), (-1, 1))}
"""Offsets (dk, dj) of the rows before a row, in C order, that it can touch."""


class Components(Protocol):
    """What is known of the components of a mask [k, j, i]; tables are NumPy arrays wherever the mask is."""

    @property
    def count(self) -> int:
        """Number of components."""

    def sizes(self) -> np.ndarray:
        """int64 [component]: voxels of each."""

    def touching(self, axes: tuple[int, ...]) -> np.ndarray:
        """bool [component]: which have a voxel on the first or the last plane along one of the axes."""

    def meeting(self, mask: Array) -> np.ndarray:
        """bool [component]: which have a voxel in common with a uint8 or bool mask of the same shape."""

    def paint(self, values: np.ndarray) -> Array:
        """[k, j, i] in the dtype of ``values`` [component]: each component its value, 0 elsewhere."""


def find(mask: Array, connectivity: Connectivity = 6) -> Components:
    """The components of a uint8 or bool mask [k, j, i].

    Raises TypeError for another dtype.
    """
    if namespace(mask) is np:
        return runs(mask, np.array(NEIGHBOURS[connectivity]), int(connectivity == 26))
    return painted(mask, connectivity)


def count(mask: Array) -> int:
    """Number of components of voxels that share faces."""
    return find(mask).count


def largest(mask: Array) -> Array:
    """The component of voxels that share faces with the most of them, as uint8 of 0 and 1.

    Of several of that size it is the one that comes first in C order; all 0 where there is none.
    """
    found = find(mask)
    values = np.zeros(found.count, np.uint8)
    values[by_size(found.sizes())[:1]] = 1
    return found.paint(values)


def label(mask: Array, connectivity: Connectivity = 6) -> Array:
    """int32 [k, j, i]: 0 outside the mask, then components 1, 2, ... in C order of their first voxel."""
    found = find(mask, connectivity)
    return found.paint(np.arange(1, found.count + 1, dtype=np.int32))


def by_size(sizes: np.ndarray) -> np.ndarray:
    """Components from the largest to the smallest; of equals the first in C order comes first.

    >>> by_size(np.array([3, 7, 7])).tolist()
    [1, 2, 0]
    """
    return np.argsort(-sizes, kind="stable")


# By whole-array operations: CuPy arrays


@dataclass(frozen=True, eq=False)
class Painted:
    """The components of a mask as an image of their numbers: int [k, j, i], component + 1, 0 outside the mask."""

    labels: Array

    @property
    def count(self) -> int:
        """Number of components."""
        return int(self.labels.max()) if self.labels.size else 0

    def sizes(self) -> np.ndarray:
        """int64 [component]: voxels of each."""
        xp = namespace(self.labels)
        return to_host(xp.bincount(self.labels.ravel(), minlength=self.count + 1)[1:]).astype(np.int64)

    def touching(self, axes: tuple[int, ...]) -> np.ndarray:
        """bool [component]: which have a voxel on the first or the last plane along one of the axes."""
        planes = [self.labels.take(n, axis) for axis in axes for n in (0, -1)] if self.labels.size else []
        return self._among(planes)

    def meeting(self, mask: Array) -> np.ndarray:
        """bool [component]: which have a voxel in common with a uint8 or bool mask of the same shape."""
        return self._among([self.labels[mask != 0]])

    def paint(self, values: np.ndarray) -> Array:
        """[k, j, i] in the dtype of ``values`` [component]: each component its value, 0 elsewhere."""
        xp = namespace(self.labels)
        return xp.asarray(np.concatenate([np.zeros(1, values.dtype), values]))[self.labels]

    def _among(self, labels: list[Array]) -> np.ndarray:
        found = np.zeros(self.count + 1, np.bool_)
        for some in labels:
            found[to_host(namespace(some).unique(some))] = True
        return found[1:]


def painted(mask: Array, connectivity: Connectivity) -> Painted:
    """As ``find``, by cuCIM."""
    from cucim.skimage.measure import label

    xp = namespace(mask)
    if mask.dtype not in (np.uint8, np.bool_):
        raise TypeError(f"a mask is uint8 or bool, not {mask.dtype}")
    mask = mask != 0
    if not mask.size:
        return Painted(xp.zeros(mask.shape, np.int32))
    if connectivity != 4:
        return Painted(_in_c_order(label(mask, connectivity={6: 1, 26: 3}[connectivity])))
    labels, total = xp.zeros(mask.shape, np.int32), 0
    for k in range(mask.shape[0]):
        plane = _in_c_order(label(mask[k], connectivity=1))
        labels[k] = xp.where(plane > 0, plane + total, 0)
        total += int(plane.max())
    return Painted(labels)


def _in_c_order(labels: Array) -> Array:
    """The same parts, numbered from 1 in C order of their first voxel; 0 stays 0."""
    xp = namespace(labels)
    old, first = xp.unique(labels, return_index=True)
    new = xp.zeros(int(old[-1]) + 1, np.int32)
    numbered = old[xp.argsort(first)]
    numbered = numbered[numbered > 0]
    new[numbered] = xp.arange(1, numbered.size + 1, dtype=np.int32)
    return new[labels]
