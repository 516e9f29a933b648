"""What a cubic spline overshoots, cut off as nnU-Net does (scikit-image's ``resize``, ``clip``)."""

from __future__ import annotations

import numpy as np

from pipeline import orientation
from pipeline.errors import GeometryError
from pipeline.grid import Triple
from pipeline.kernels import tables
from pipeline.volume import Volume


def clip(made: Volume, source: Volume, order: Triple) -> None:
    """Brings voxels of ``made``, in place, into the range of those that they come from.

    Where one axis went by nearest (``order`` 0) each slice across it was resampled by itself, and its range is that of
    the slice; else it is that of the whole source.

    made : float32, on axes along those of the source
    source : the whole of it, float32; voxels that are no number do not count
    order : of the spline that was used, along the axes of ``made``
    """
    turn = orientation.matching(source.grid, made.grid)
    if turn is None:
        raise GeometryError("what is clipped runs along its source")
    voxels, grid = turn.array(source.array), turn.grid(source.grid)
    nearest = [axis for axis, n in enumerate(order) if n == 0]
    if len(nearest) != 1:
        np.clip(made.array, np.fmin.reduce(voxels, axis=None), np.fmax.reduce(voxels, axis=None), out=made.array)
        return
    axis = nearest[0]
    rows, bounds = ((g.start[axis], g.stop[axis]) for g in (made.grid, grid))
    slices = tables.spline(*grid.axes(made.grid)[axis], 0, rows, bounds).index[:, 0] - bounds[0]
    across = tuple(other for other in range(3) if other != axis)
    low, high = (end.reduce(voxels, axis=across, keepdims=True).take(slices, axis) for end in (np.fmin, np.fmax))
    np.clip(made.array, low, high, out=made.array)
