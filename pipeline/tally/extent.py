"""Where the structures of a label image lie."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pipeline.grid import Grid, Triple
from pipeline.kernels import extent


@dataclass(frozen=True)
class Extent:
    """Voxels of one structure, on the lattice of its grid.

    Attributes
    ----------
    n_voxels : how many
    index_sum : sums of their lattice indices k, j, i
    start, stop : the box that holds them, ``[start, stop)``
    """

    n_voxels: int = 0
    index_sum: Triple = (0, 0, 0)
    start: Triple = (0, 0, 0)
    stop: Triple = (0, 0, 0)

    def __add__(self, other: Extent) -> Extent:
        if not (self.n_voxels and other.n_voxels):
            return self if self.n_voxels else other
        return Extent(
            self.n_voxels + other.n_voxels,
            _each(operator.add, self.index_sum, other.index_sum),
            _each(min, self.start, other.start),
            _each(max, self.stop, other.stop),
        )

    @property
    def centroid(self) -> tuple[float, float, float] | None:
        """Mean lattice index along k, j, i."""
        if not self.n_voxels:
            return None
        k, j, i = (total / self.n_voxels for total in self.index_sum)
        return k, j, i

    def touches(self, whole: Grid) -> bool:
        """Whether a voxel lies on a face of ``whole``: the structure may go on beyond the image."""
        faces = zip(self.start, whole.start, self.stop, whole.stop, strict=True)
        return self.n_voxels > 0 and any(a == first or b == last for a, first, b, last in faces)


@dataclass(frozen=True)
class Extents:
    """The extent of each label that occurs.

    >>> from pipeline.grid import Grid
    >>> labels = np.array([[[0, 3, 3]]], np.uint8)
    >>> Extents.of(labels, Grid(np.eye(4), (1, 1, 3), start=(0, 0, 10))).by_label
    {3: Extent(n_voxels=2, index_sum=(0, 0, 23), start=(0, 0, 11), stop=(1, 1, 13))}
    """

    by_label: Mapping[int, Extent] = field(default_factory=dict)

    @classmethod
    def of(cls, labels: np.ndarray, grid: Grid) -> Extents:
        """All labels but 0 of a uint8 or uint16 array that lies on ``grid``."""
        found, table = extent.extents(labels)
        return cls({int(label): _placed(row, grid.start) for label, row in zip(found, table.tolist(), strict=True)})

    def __add__(self, other: Extents) -> Extents:
        labels = sorted({*self.by_label, *other.by_label})
        zero = Extent()
        return Extents({n: self.by_label.get(n, zero) + other.by_label.get(n, zero) for n in labels})


def _placed(row: list[int], start: Triple) -> Extent:
    """A row of ``kernels.extent.extents``, moved from the array's own indices to the lattice."""
    n = row[0]
    return Extent(
        n,
        _each(lambda total, at: total + n * at, row[1:4], start),
        _each(operator.add, row[4:7], start),
        _each(operator.add, row[7:10], start),
    )


def _each(f: Callable[[int, int], int], a: Iterable[int], b: Iterable[int]) -> Triple:
    """``f`` along k, j, i."""
    k, j, i = map(f, a, b)
    return k, j, i
