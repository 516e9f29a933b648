"""A volume on another grid: the one place where voxels move.

Every move between grids of one patient is one of four, and the frames alone say which::

    same axes, same voxels      exact: bits are copied (reoriented, cropped, padded)
    same axes, other spacing    one table an axis
    other axes                  positions in general
    bent                        positions, displaced

The way back is the same function with the grids exchanged: a label map that was made on a reoriented, cropped or padded
grid returns to its source voxel for voxel.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from pipeline.elastic import Elastic
from pipeline.grid import Grid
from pipeline.kernels import affine, intensity, tables
from pipeline.kernels.folding import Border
from pipeline.kernels.onehot import onehot
from pipeline.kernels.positions import Positions, Span
from pipeline.kernels.ramp import Ramp
from pipeline.kernels.resample import resample
from pipeline.orientation import Turn, matching
from pipeline.volume import Kind, Volume

Order = int | tuple[int, int, int]

AIR = -1024.0
"""HU of what lies beyond a CT's field of view."""


def regrid(
    volume: Volume,
    piece: Grid,
    source: Grid | None = None,
    *,
    order: Order = 0,
    antialias: bool = False,
    border: Border = "mirror",
    fill: float = 0.0,
    elastic: Elastic | None = None,
    ramp: Ramp | None = None,
) -> Volume:
    """``volume`` on ``piece``.

    Parameters
    ----------
    volume : what is at hand: the ``reach`` of the piece, or more
    piece : where it is wanted, on any frame
    source : the whole of which the volume is a part: its border counts.  None: the volume is the whole
    order : of the B-spline: 0 (nearest), 1 (linear) or 3 (cubic); or one along each axis of the piece, where they run
        along those of the volume
    antialias : smooth before, along each axis of the source along which new voxels are the longer; not for order 0
    border : how the lattice of a cubic goes on, where the axes are the same
    fill : of what lies more than half a voxel outside the source, rounded and clipped to the dtype
    elastic : a displacement of what the piece shows
    ramp : applied to what would have been stored
    """
    whole = volume.grid if source is None else source
    if order and volume.array.dtype == np.float16 and ramp is not None:
        # A ramp finds what would have been stored.
        stored = regrid(
            volume, piece, whole, order=order, antialias=antialias, border=border, fill=fill, elastic=elastic
        )
        return stored.with_array(intensity.ramp(stored.array, ramp))
    x = volume.array.astype(np.float32) if order and volume.array.dtype == np.float16 else volume.array
    dtype = None if ramp is not None else volume.array.dtype
    turn = _turn(whole, piece, elastic)
    if turn is not None:
        axes, start = _tables(turn.grid(whole), piece, order, antialias, border), turn.grid(volume.grid).start
        nearest = all(t.taps == 1 for t in axes)
        made = resample(turn.array(volume.array if nearest else x), axes, start, fill=fill, dtype=dtype, ramp=ramp)
    else:
        at, sigma = _positions(whole, piece, elastic), _sigma(whole, piece, antialias)
        made = affine.affine(
            x, at, volume.grid.start, order=_single(order), sigma=sigma, fill=fill, dtype=dtype, ramp=ramp
        )
    return Volume(made, piece, volume.kind)


def vote(volume: Volume, piece: Grid, source: Grid | None = None, *, elastic: Elastic | None = None) -> Volume:
    """Labels on ``piece``: each is interpolated linearly as a mask, and the one with the most weight is taken."""
    whole = volume.grid if source is None else source
    turn = _turn(whole, piece, elastic)
    if turn is not None:
        axes = _tables(turn.grid(whole), piece, 1, False)
        return Volume(onehot(turn.array(volume.array), axes, turn.grid(volume.grid).start), piece, volume.kind)
    return Volume(affine.vote(volume.array, _positions(whole, piece, elastic), volume.grid.start), piece, volume.kind)


def reach(
    piece: Grid,
    source: Grid,
    *,
    order: Order = 0,
    antialias: bool = False,
    border: Border = "mirror",
    elastic: Elastic | None = None,
) -> Grid:
    """What of ``source`` the piece looks at; one voxel at least, none for an empty piece."""
    if not piece.size:
        return source.between(source.start, source.start)
    turn = _turn(source, piece, elastic)
    if turn is None:
        spans = affine.reach(_positions(source, piece, elastic), _single(order), _sigma(source, piece, antialias))
        return _box(source, spans)
    turned = turn.grid(source)
    return turn.inverse.grid(_box(turned, [t.span for t in _tables(turned, piece, order, antialias, border)]))


def inside(piece: Grid, source: Grid) -> np.ndarray | None:
    """uint8 ``[k, j, i]``: 1 where a voxel of the piece lies on the source, 0 where it is fill; None where all do."""
    turn = matching(source, piece)
    if turn is None:
        mask = affine.inside(_positions(source, piece, None))
        return None if mask.all() else mask
    k, j, i = (t.inside for t in _tables(turn.grid(source), piece, 0, False))
    if k.all() and j.all() and i.all():
        return None
    return (k[:, None, None] & j[:, None] & i).view(np.uint8)


def _turn(source: Grid, piece: Grid, elastic: Elastic | None) -> Turn | None:
    """What brings the axes of the source along those of the piece; None where positions are needed."""
    return matching(source, piece) if elastic is None else None


def _tables(source: Grid, piece: Grid, order: Order, antialias: bool, border: Border = "mirror") -> list[tables.Table]:
    orders = (order,) * 3 if isinstance(order, int) else order
    orders = (0, 0, 0) if source.frame == piece.frame else orders
    lines, bounds = source.axes(piece), _rows(source)
    asked = zip(lines, orders, _rows(piece), bounds, strict=True)
    made = [tables.spline(*line, n, rows, ends, border) for line, n, rows, ends in asked]
    sigmas = [tables.antialiasing(step) for step, _ in lines]
    if antialias and any(orders) and any(sigmas):
        made = [tables.smoothed(*axis) for axis in zip(made, sigmas, bounds, strict=True)]
    return made


def _single(order: Order) -> int:
    """Where axes change, there is one order for all three.  Raises ValueError where several are asked for."""
    if not isinstance(order, int):
        raise ValueError("an order along each axis needs axes that stay")
    return order


def _positions(source: Grid, piece: Grid, elastic: Elastic | None) -> Positions:
    bend = None if elastic is None else elastic.bend(piece, source)
    k, j, i = _rows(piece)
    return Positions(np.array(source.matrix(piece)), (k, j, i), _rows(source), bend)


def _sigma(source: Grid, piece: Grid, antialias: bool) -> list[float]:
    """Of smoothing, in voxels of the source: a new voxel is as long along an axis as the norm of its edges there."""
    if not antialias:
        return [0.0, 0.0, 0.0]
    return [tables.antialiasing(sqrt(a * a + b * b + c * c)) for a, b, c, _ in source.matrix(piece)]


def _rows(grid: Grid) -> tuple[Span, Span, Span]:
    k, j, i = zip(grid.start, grid.stop, strict=True)
    return k, j, i


def _box(grid: Grid, spans: list[Span] | tuple[Span, Span, Span]) -> Grid:
    return grid.between([low for low, _ in spans], [high for _, high in spans])


def filling(kind: Kind, fill: float | None) -> float:
    """What lies beyond a volume, where a stage says None: air in an image, background in labels, whatever it says."""
    if kind == "labels":
        return 0.0
    return AIR if fill is None else fill
