"""What a coarser scan would have shown, on the grid of the finer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pipeline.grid import Grid
from pipeline.kernels.halves import narrowed, widened
from pipeline.kernels.resample import resample
from pipeline.kernels.tables import Table, spline
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class LowResolution(Stage):
    """Nearest neighbour down to ``zoom`` times as many voxels, and interpolated up again.

    ::

        source   | . | . | . | . | . | . | . | . |      n voxels; both outer faces of the volume stay put,
        coarse   |    .    |    .    |    .    |        round(n * zoom) voxels, half to even, at least 1

    nnU-Net's simulation of low resolution (F. Isensee et al., nnU-Net, Nature Methods 18, 2021).

    Attributes
    ----------
    zoom : along k, j, i; above 0, at most 1
    order : of the way up: 1, as nnU-Net's code does it, which stays within the range of the image; or 3, cubic, as
        its paper says, which overshoots at edges

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    zoom: tuple[float, float, float]
    order: Literal[1, 3] = 1

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    scratch: ClassVar[int] = 4

    def __post_init__(self) -> None:
        if len(self.zoom) != 3 or not all(0 < z <= 1 for z in self.zoom):
            raise ValueError("zoom must be three numbers above 0 and at most 1, along k, j, i")
        if self.order not in (1, 3):
            raise ValueError("order must be 1 or 3")

    def reach(self, piece: Grid, source: Spec) -> Grid:
        if not piece.size:
            return piece
        spans = [down.span for down, _ in self._tables(piece, source)]
        return source.grid.between([low for low, _ in spans], [high for _, high in spans])

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        down, up = zip(*self._tables(piece, source), strict=True)
        coarse = resample(volume.intensities, down, volume.grid.start, fill=0.0)
        array = resample(widened(coarse), up, [table.span[0] for table in up], fill=0.0)
        return Volume(narrowed(array, coarse.dtype), piece)

    def _tables(self, piece: Grid, source: Spec) -> list[tuple[Table, Table]]:
        """Per axis: to the coarse voxels that the piece needs, and from them to the piece."""
        whole = source.grid
        axes = zip(self.zoom, piece.start, piece.stop, whole.start, whole.stop, strict=True)
        return [self._axis(zoom, (a, b), (low, high)) for zoom, a, b, low, high in axes]

    def _axis(self, zoom: float, rows: tuple[int, int], bounds: tuple[int, int]) -> tuple[Table, Table]:
        low, high = bounds
        count = max(1, round((high - low) * zoom))
        step = (high - low) / count
        up = spline(1 / step, (0.5 - low) / step - 0.5, self.order, rows, (0, count))
        return spline(step, low + step / 2 - 0.5, 0, up.span, bounds), up
