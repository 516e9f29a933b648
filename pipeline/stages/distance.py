"""Distance to the surface of a mask."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels.distance import distance
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume
from pipeline.xp import Array, namespace


@dataclass(frozen=True)
class Distance(Stage):
    """Of the mask of all labels: mm from the centre of each voxel to that of the nearest voxel on the other side.

    float32.  Exact, on the spacing of the source as if the axes were orthogonal.  What lies beyond the volume is not
    seen; where the other side is empty, the distance is the limit, or infinite.

    Attributes
    ----------
    side : ``outside``: of the background to the mask, 0 in it; ``inside``: of the mask to the background, 0 there;
        ``signed``: outside less inside, so negative in the mask
    limit_mm : larger distances are this; None: there is no limit, and the reach is the whole volume

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    side: Literal["outside", "inside", "signed"] = "signed"
    limit_mm: float | None = None

    takes: ClassVar[tuple[Kind, ...]] = ("labels",)
    scratch: ClassVar[int] = 7
    units: ClassVar[str | None] = "mm"

    def __post_init__(self) -> None:
        if self.side not in ("outside", "inside", "signed"):
            raise ValueError("side must be outside, inside or signed")
        if self.limit_mm is not None and not (isfinite(self.limit_mm) and self.limit_mm > 0):
            raise ValueError("limit_mm must be a finite number above 0")

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid, "image", np.dtype("float32"))

    def reach(self, piece: Grid, source: Spec) -> Grid:
        """As far as the limit, and a voxel more, so that rounding decides nothing."""
        if self.limit_mm is None:
            return source.grid
        return source.grid.clip(piece.pad([floor(self.limit_mm / s) + 1 for s in source.grid.spacing]))

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        volume = volume.crop_to(self.reach(piece, source))
        mask = volume.array != 0
        if self.side == "outside":
            made = self._to(mask, source)
        elif self.side == "inside":
            made = self._to(~mask, source)
        else:
            made = self._to(mask, source)
            made -= self._to(~mask, source)
        return Volume(made, volume.grid).crop_to(piece)

    def _to(self, mask: Array, source: Spec) -> Array:
        made = distance(mask, source.grid.spacing, source.grid.shape)
        if self.limit_mm is None:
            return made
        return namespace(made).minimum(made, np.float32(self.limit_mm), out=made)
