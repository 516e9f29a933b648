"""Axes permuted and reversed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pipeline import orientation
from pipeline.grid import Grid
from pipeline.orientation import Turn
from pipeline.stages import Stage
from pipeline.volume import Spec, Volume
from pipeline.xp import namespace


@dataclass(frozen=True)
class Reorient(Stage):
    """The same voxels in another order: nothing is interpolated, and the way back is exact.

    Attributes
    ----------
    to : the patient directions in which i, j and k shall rise, such as ``LPS`` (DICOM's axial order) or ``RAS``; of an
        oblique volume each axis counts as the direction that it is nearest to

    Raises
    ------
    ValueError
        If the letters do not name three axes.
    """

    to: str

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        orientation.checked(self.to)

    def spec(self, source: Spec) -> Spec:
        return Spec(self._turn(source).grid(source.grid), source.kind, source.dtype)

    def reach(self, piece: Grid, source: Spec) -> Grid:
        return self._turn(source).inverse.grid(piece)

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        array = self._turn(source).array(volume.crop_to(self.reach(piece, source)).array)
        return Volume(namespace(array).ascontiguousarray(array), piece, volume.kind)

    def _turn(self, source: Spec) -> Turn:
        return orientation.toward(source.grid, self.to)
