"""Connected components of a label map, chosen by size and place."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import components
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume
from pipeline.xp import to_host

BORDERS = {"none": (), "in-plane": (1, 2), "any": (0, 1, 2)}
"""Axes whose first and last planes count as border."""


@dataclass(frozen=True)
class Components(Stage):
    """Of the mask of all labels, those components that are large enough and do not touch the border; largest first.

    Components and their order belong to the whole volume: the reach is all of it.

    Attributes
    ----------
    largest : how many are kept at most; of equals the first in C order of its first voxel; None: all
    min_ml : smaller ones are dropped; ml of the source's voxels
    drop_border : drop those that touch a side of the slices (``in-plane``), or any face of the volume
    numbered : label 1 for the first, 2 for the next, ...; else label 1 for all.  uint8, or uint16 where ``largest``
        is above 255; it must be given
    order : which is first: the largest by ``size``; or, of those that are kept, ``right-to-left`` by their centroids in
        the patient
    connectivity : 6: voxels that share faces belong together; 26: corners too

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    largest: int | None = None
    min_ml: float = 0.0
    drop_border: Literal["none", "in-plane", "any"] = "none"
    numbered: bool = False
    connectivity: Literal[6, 26] = 6
    order: Literal["size", "right-to-left"] = "size"

    takes: ClassVar[tuple[Kind, ...]] = ("labels",)

    def __post_init__(self) -> None:
        if self.largest is not None and not 1 <= self.largest <= 65535:
            raise ValueError("largest must be 1 to 65535")
        if not (isfinite(self.min_ml) and self.min_ml >= 0):
            raise ValueError("min_ml must be a finite number of at least 0")
        if self.drop_border not in BORDERS:
            raise ValueError(f"drop_border must be one of {', '.join(BORDERS)}")
        if self.numbered and self.largest is None:
            raise ValueError("numbered needs largest: how many there can be")
        if self.connectivity not in (6, 26):
            raise ValueError("connectivity must be 6 or 26")
        if self.order not in ("size", "right-to-left"):
            raise ValueError("order must be size or right-to-left")
        if self.order != "size" and not self.numbered:
            raise ValueError("order is that of numbers: it needs numbered")

    def spec(self, source: Spec) -> Spec:
        wide = self.numbered and self.largest is not None and self.largest > 255
        return Spec(source.grid, "labels", np.dtype("uint16" if wide else "uint8"))

    def reach(self, piece: Grid, source: Spec) -> Grid:
        return source.grid

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        found = components.find(volume.array != 0, self.connectivity)
        sizes = found.sizes()
        kept = sizes * source.grid.voxel_mm3 >= self.min_ml * 1000
        kept &= ~found.touching(BORDERS[self.drop_border])
        order = components.by_size(sizes)
        chosen = order[kept[order]][: self.largest]
        if self.order == "right-to-left":
            chosen = chosen[np.argsort(_left(found, chosen, volume.grid), kind="stable")]
        values = np.zeros(sizes.size, self.spec(source).dtype)
        values[chosen] = np.arange(1, chosen.size + 1) if self.numbered else 1
        return Volume(found.paint(values), volume.grid, "labels").crop_to(piece)


def _left(found: components.Components, chosen: np.ndarray, grid: Grid) -> np.ndarray:
    """float64: how far to the patient's left each chosen component lies, x in LPS mm of its centroid."""
    ranks = np.zeros(found.count, np.int32)
    ranks[chosen] = np.arange(1, chosen.size + 1)
    labels = found.paint(ranks)
    left = []
    for rank in range(1, chosen.size + 1):
        lines = [to_host((labels == rank).sum(axis=across)) for across in ((1, 2), (0, 2), (0, 1))]
        centroid = [int(np.arange(line.size) @ line) / int(line.sum()) for line in lines]
        left.append(grid.position(centroid)[0])
    return np.array(left)
