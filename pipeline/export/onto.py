"""Labels on another grid of the same patient: the way back to the slices of the source."""

from __future__ import annotations

from pipeline.grid import Grid
from pipeline.orientation import matching
from pipeline.regrid import regrid, vote
from pipeline.volume import Volume

SAME = 1e-3
"""Voxels of two grids are the same where none of them is further apart than this, in voxels."""


def onto(labels: Volume, grid: Grid) -> Volume:
    """Copied where the two grids share their voxels (turned, cropped, padded); else by the vote of linear masks.

    What lies outside the label map is background.
    """
    return regrid(labels, grid) if share_voxels(labels.grid, grid) else vote(labels, grid)


def share_voxels(grid: Grid, other: Grid) -> bool:
    """Whether voxels of one are voxels of the other, by its own indices or by turned ones."""
    turn = matching(grid, other)
    if turn is None:
        return False
    lines = zip(turn.grid(grid).axes(other), other.start, other.stop, strict=True)
    drifts = (at * (step - 1) + (offset - round(offset)) for (step, offset), *ends in lines for at in ends)
    return all(abs(drift) <= SAME for drift in drifts)
