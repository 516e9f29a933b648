"""Where patches lie: anywhere in a volume, or about a voxel of a structure."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from pipeline.errors import RecipeError
from pipeline.grid import Grid, Triple
from pipeline.learn.subjects import Subject
from pipeline.models.descriptor import Descriptor
from pipeline.store import omezarr
from pipeline.volume import Volume

POSITIONS = 4096
"""Voxels of each structure of a volume that a patch may be centred on, evenly spread in C order."""


def placed(rng: np.random.Generator, subject: Subject, model: Descriptor, *, centred: bool) -> Grid:
    """A patch of a volume.  Along an axis it lies within the volume or, where that is shorter, over all of it.

    ``centred``: about a voxel of a structure, which is chosen evenly among those that are there; the voxel evenly among
    ``POSITIONS``.  Where there is no structure the patch lies anywhere.  The same numbers are drawn in either case.
    """
    choice, voxel, *at = (rng.random() for _ in range(5))
    axes = list(zip(subject.grid.shape, model.patch, strict=True))
    bounds = [(min(0, n - p), max(0, n - p)) for n, p in axes]
    start = [low + min(int(u * (high - low + 1)), high - low) for u, (low, high) in zip(at, bounds, strict=True)]
    values = tuple(structure.value for structure in model.structures)
    found = positions(subject.labels, values) if centred else ()
    if found:
        chosen = found[int(choice * len(found))]
        middle = chosen[int(voxel * len(chosen))].tolist()
        start = [min(max(m - p // 2, low), high) for m, (_, p), (low, high) in zip(middle, axes, bounds, strict=True)]
    return subject.grid.crop(start, [a + p for a, p in zip(start, model.patch, strict=True)])


@cache
def positions(path: Path, values: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Of each value that a label map holds: int32 ``[n, 3]``, voxels k, j, i.

    Raises RecipeError where it holds one that is neither among ``values`` nor 0.
    """
    labels = omezarr.read(path)
    present = np.unique(labels.array)
    if not {0, *values}.issuperset(present.tolist()):
        raise RecipeError("the label map of a volume holds a value that is no structure of the model: see 'structures'")
    return tuple(_spread(labels, value) for value in values if value in present)


def _spread(labels: Volume, value: int) -> np.ndarray:
    flat = np.flatnonzero(labels.array == value)
    chosen = flat[np.arange(0, flat.size, max(1, -(-flat.size // POSITIONS)))]
    return np.stack(np.unravel_index(chosen, labels.grid.shape), 1).astype(np.int32)


def margins(patch: Triple) -> Triple:
    """How much farther than a patch its draws may look, on every side: its own length, but nothing along one voxel."""
    k, j, i = (n if n > 1 else 0 for n in patch)
    return k, j, i
