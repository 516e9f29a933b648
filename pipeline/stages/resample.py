"""Resampling to a spacing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import floor, isfinite
from typing import ClassVar, Literal, get_args

import numpy as np

from pipeline import regrid
from pipeline.errors import KindError
from pipeline.grid import Anchor, Grid
from pipeline.kernels import intensity, tables
from pipeline.kernels.folding import Border
from pipeline.kernels.onehot import onehot
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.resample import resample
from pipeline.orientation import aligned, straightened
from pipeline.stages import Stage
from pipeline.volume import Spec, Volume

Order = Literal[0, 1, 3, "area"]
Preset = Literal["scanmill", "itk", "nnunet", "monai", "torchio", "totalsegmentator"]


@dataclass(frozen=True)
class Convention:
    """Where a tool puts the new voxels, and what it takes to lie beyond the old ones.

    anchor : what stays put
    length : voxels along an axis, of (old length, old spacing, new spacing)
    border : how the lattice of a cubic goes on
    beyond : what lies more than half a voxel outside: ``fill``, the ``border``'s value without end, or ``fill`` that
        begins on the very face of the last voxel
    anisotropy : of ``Resample``, where that names none
    """

    anchor: Anchor = "face"
    length: Callable[[int, float, float], int] = lambda n, old, new: round(n / (new / old))
    border: Border = "mirror"
    beyond: Literal["fill", "face", "border"] = "fill"
    anisotropy: float | None = None


CONVENTIONS: dict[Preset, Convention] = {
    "scanmill": Convention(),
    "itk": Convention("center", lambda n, old, new: round(n * old / new), beyond="face"),
    "nnunet": Convention("faces", lambda n, old, new: round(old / new * n), "nearest", anisotropy=3.0),
    "monai": Convention("center", lambda n, old, new: round((n - 1) * old / new + 1), "nearest", "border"),
    "torchio": Convention("middle", lambda n, old, new: floor(n * old / new) if n > 1 else 1),
    "totalsegmentator": Convention("centers", lambda n, old, new: round(n * (old / new)), beyond="border"),
}


@dataclass(frozen=True)
class Resample(Stage):
    """The same field of view in voxels of ``spacing`` mm: the outer faces of the first voxel stay put.

    Positions up to half a voxel outside the source are inside; beyond lies ``fill``.  Axes that are not perpendicular
    (a tilted gantry) are straightened in the same interpolation.  Where axes change, ``area`` is order 1 with
    ``antialias``, and neither ``anisotropy`` nor the border of a preset has a meaning.

    Attributes
    ----------
    spacing : mm along k, j, i
    order : of the spline, 0 (nearest), 1 (linear) or 3 (cubic); or ``area``, the average over the new voxel
    antialias : images are first smoothed along the axes that become coarser, as much as the new spacing asks for
        (Cardoso et al., MICCAI 2015; TorchIO's ``antialias``)
    fill : rounded and clipped to the type of the image; None: -1024, so that unsigned types get 0; labels always get 0
    labels : ``nearest``, or ``linear``: every label is interpolated as a mask, and the one with most weight is taken
    anisotropy : where the coarsest spacing of the source, or else the new one, is more than this many times the finest,
        that axis is resampled by nearest and the others by ``order``; not where two axes are the coarsest
    preset : the grid, border and fill of another tool; values then agree with it to 1e-7 of the range (order 1) or
        1e-6 (order 3), measured with the versions named; by nearest all but those midway between two voxels

        - ``itk`` (SimpleITK 2.5) the usual script: the centre of the first voxel stays put
        - ``nnunet`` (nnU-Net 2.8) both outer faces stay put and the spacing gives way, the border is repeated, and
          ``anisotropy`` is 3 if not given.  nnU-Net also clips what a cubic overshoots to the range of the volume, or
          of the slice, and gives ties of ``linear`` labels to the nearest voxel's; this does neither
        - ``monai`` (MONAI 1.6, ``Spacing``) the centre of the first voxel stays put, the border is repeated without end
        - ``torchio`` (TorchIO 1.2, ``Resample``) the middle of the volume stays put, lengths are rounded down; its
          ``antialias`` smooths by an approximate Gaussian, which differs by 3e-3
        - ``totalsegmentator`` (SciPy 1.17, ``zoom``) both outermost centres stay put
    align : along the axes of the ``source``, or of the ``patient``: the nearest ones, for oblique volumes

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    spacing: tuple[float, float, float]
    order: Order = 1
    antialias: bool = False
    fill: float | None = None
    labels: Literal["nearest", "linear"] = "nearest"
    anisotropy: float | None = None
    preset: Preset = "scanmill"
    align: Literal["source", "patient"] = "source"

    moves: ClassVar[bool] = True
    interpolates: ClassVar[bool] = True
    fuses: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if len(self.spacing) != 3 or not all(s > 0 and isfinite(s) for s in self.spacing):
            raise ValueError("spacing must be three finite numbers above 0, in mm along k, j, i")
        if self.order not in get_args(Order):
            raise ValueError("order must be 0, 1, 3 or area")
        if self.antialias and self.order not in (1, 3):
            raise ValueError("antialias goes with order 1 or 3")
        if self.fill is not None and not isfinite(self.fill):
            raise ValueError("fill must be a finite number")
        if self.labels not in ("nearest", "linear"):
            raise ValueError("labels must be nearest or linear")
        if self.anisotropy is not None and not self.anisotropy >= 1:
            raise ValueError("anisotropy must be at least 1")
        if self.align not in ("source", "patient"):
            raise ValueError("align must be source or patient")
        if self.preset not in CONVENTIONS:
            raise ValueError(f"preset must be one of {', '.join(CONVENTIONS)}")

    def spec(self, source: Spec) -> Spec:
        rule, old = CONVENTIONS[self.preset], self._field(source.grid)
        lengths = [rule.length(*axis) for axis in zip(old.shape, old.spacing, self.spacing, strict=True)]
        return Spec(old.respace(self.spacing, rule.anchor, lengths), source.kind, source.dtype)

    def reach(self, piece: Grid, source: Spec) -> Grid:
        """What the rows of the piece look at; one voxel at least, none for an empty piece."""
        if not piece.size:
            return source.grid.between(source.grid.start, source.grid.start)
        if self._field(source.grid) != source.grid:
            order, antialias = self._across(source)
            return regrid.reach(piece, source.grid, order=order, antialias=antialias)
        spans = [t.span for t in self._tables(piece, source)]
        return source.grid.between([low for low, _ in spans], [high for _, high in spans])

    def __call__(self, volume: Volume, piece: Grid, source: Spec, ramp: Ramp | None = None) -> Volume:
        """The piece; with ``ramp``, the bits of resampling, storing, and then the ramp.

        Raises KindError for labels with a ramp.
        """
        if ramp is not None and source.kind == "labels":
            raise KindError("an intensity stage was handed labels")
        fill = regrid.filling(source.kind, self.fill)
        if self._field(source.grid) != source.grid:
            if source.kind == "labels" and self.labels == "linear":
                return regrid.vote(volume, piece, source.grid)
            order, antialias = self._across(source)
            return regrid.regrid(volume, piece, source.grid, order=order, antialias=antialias, fill=fill, ramp=ramp)
        x, axes, start = volume.array, self._tables(piece, source), volume.grid.start
        if source.kind == "labels":
            made = onehot(x, axes, start) if self.labels == "linear" else resample(x, axes, start, fill=0)
            return Volume(made, piece, source.kind)
        if x.dtype == np.float16 and any(t.taps > 1 for t in axes):
            # Interpolated as float32 and stored as it came; a window of it finds what would have been stored.
            made = resample(x.astype(np.float32), axes, start, fill=fill, dtype=x.dtype)
            return Volume(made if ramp is None else intensity.ramp(made, ramp), piece, source.kind)
        return Volume(resample(x, axes, start, fill=fill, ramp=ramp), piece, source.kind)

    def _field(self, source: Grid) -> Grid:
        """The field of view on the axes that the result will have; the source itself where those are its own."""
        return aligned(source) if self.align == "patient" else straightened(source)

    def _across(self, source: Spec) -> tuple[int, bool]:
        """Order and antialiasing of a change of axes."""
        order = self._order(source)
        return (1, True) if order == "area" else (order, self.antialias and source.kind == "image")

    def _tables(self, piece: Grid, source: Spec) -> list[tables.Table]:
        whole, coarse, order = source.grid, self._coarse(source.grid), self._order(source)
        lines, bounds = whole.axes(piece), list(zip(whole.start, whole.stop, strict=True))
        rows = zip(piece.start, piece.stop, strict=True)
        asked = enumerate(zip(lines, rows, bounds, strict=True))
        made = [self._table(0 if axis == coarse else order, *line) for axis, line in asked]
        sigmas = [tables.antialiasing(step) for step, _ in lines]
        if self.antialias and source.kind == "image" and any(sigmas):
            made = [tables.smoothed(*axis) for axis in zip(made, sigmas, bounds, strict=True)]
        return made

    def _table(
        self, order: Order, line: tuple[float, float], rows: tuple[int, int], bounds: tuple[int, int]
    ) -> tables.Table:
        rule = CONVENTIONS[self.preset]
        if order == "area":
            made = tables.area(*line, rows, bounds)
        else:
            made = tables.spline(*line, order, rows, bounds, rule.border)
        if rule.beyond == "border":
            return replace(made, inside=np.ones_like(made.inside))
        if rule.beyond == "face":
            return replace(made, inside=made.inside & (tables.positions(*line, rows) < bounds[1] - 0.5))
        return made

    def _order(self, source: Spec) -> Order:
        if source.kind == "image":
            return self.order
        return 1 if self.labels == "linear" else 0

    def _coarse(self, source: Grid) -> int | None:
        """The axis that is resampled by nearest: nnU-Net's ``determine_do_sep_z_and_axis``."""
        limit = CONVENTIONS[self.preset].anisotropy if self.anisotropy is None else self.anisotropy
        for spacing in (source.spacing, self.spacing):
            if limit is not None and max(spacing) > limit * min(spacing):
                axes = [a for a, s in enumerate(spacing) if s > max(spacing) * (1 - 1e-6)]
                return axes[0] if len(axes) == 1 else None
        return None
