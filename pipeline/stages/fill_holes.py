"""Holes of a label map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels.holes import holes
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class FillHoles(Stage):
    """The mask of all labels with its holes: background from which no path, face to face, leads to the border.

    The border is that of the whole volume.

    Attributes
    ----------
    axis : each plane across axis 0, 1 or 2 (k, j, i) is filled alone: 0 is slice by slice; None: in 3-D
    only : give the holes themselves, without the mask

    Raises
    ------
    ValueError
        If there is no such axis.
    """

    axis: Literal[0, 1, 2] | None = None
    only: bool = False

    takes: ClassVar[tuple[Kind, ...]] = ("labels",)

    def __post_init__(self) -> None:
        if self.axis not in (None, 0, 1, 2):
            raise ValueError("axis must be 0, 1 or 2, or none")

    def spec(self, source: Spec) -> Spec:
        return Spec(source.grid, "labels", np.dtype("uint8"))

    def reach(self, piece: Grid, source: Spec) -> Grid:
        """The whole volume; with ``axis`` the whole planes that the piece lies in."""
        if self.axis is None:
            return source.grid
        start, stop = list(source.grid.start), list(source.grid.stop)
        start[self.axis], stop[self.axis] = piece.start[self.axis], piece.stop[self.axis]
        return source.grid.between(start, stop)

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        volume = volume.crop_to(self.reach(piece, source))
        mask = volume.array != 0
        made = holes(mask, self.axis)
        if not self.only:
            made |= mask
        return Volume(made, volume.grid, "labels").crop_to(piece)
