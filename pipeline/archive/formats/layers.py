"""Regions that may overlap, on as few label maps as first fit finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.errors import Quarantine
from pipeline.grid import Triple
from pipeline.reasons import Reason

MOST = 64
"""Label maps of one annotation; structure sets of nested targets come to a dozen."""


class Patch(NamedTuple):
    """A part of one slice: where its first voxel lies, and a mask [j, i] of 0 and 1."""

    start: Triple
    mask: np.ndarray


class Drawn(NamedTuple):
    """Label maps [k, j, i] of one annotation, all uint8 or all uint16, and the values that occur in each."""

    maps: tuple[np.ndarray, ...]
    values: tuple[tuple[int, ...], ...]


class Layers:
    """Label maps of ``shape`` that hold values up to ``most``.

    >>> layers, patch = Layers((1, 1, 2), 9), Patch((0, 0, 0), np.ones((1, 1), np.uint8))
    >>> layers.add(3, [patch])
    >>> layers.add(9, [patch])
    >>> [one.tolist() for one in layers.drawn().maps], layers.drawn().values
    ([[[[3, 0]]], [[[9, 0]]]], ((3,), (9,)))
    """

    def __init__(self, shape: Triple, most: int) -> None:
        self._shape = shape
        self._dtype = np.min_scalar_type(max(1, most))
        self._maps: list[np.ndarray] = []
        self._values: list[tuple[int, ...]] = []

    def add(self, value: int, patches: Sequence[Patch]) -> None:
        """Draw a region into the first map where it is on top of nothing; what lies beyond the maps is left out.

        Raises Quarantine(TOO_LARGE) where that takes more than ``MOST`` maps.
        """
        inside = [cut for patch in patches if (cut := self._cut(patch)) is not None and cut.mask.any()]
        if not inside:
            return
        free = (n for n, one in enumerate(self._maps) if not any(_at(one, p)[p.mask != 0].any() for p in inside))
        at = next(free, None)
        if at is None:
            if len(self._maps) == MOST:
                raise Quarantine(Reason.TOO_LARGE)
            at = len(self._maps)
            self._maps.append(np.zeros(self._shape, self._dtype))
            self._values.append(())
        for patch in inside:
            _at(self._maps[at], patch)[patch.mask != 0] = value
        self._values[at] += (value,)

    def drawn(self) -> Drawn:
        """All maps so far; one that is empty where nothing was drawn."""
        if not self._maps:
            return Drawn((np.zeros(self._shape, self._dtype),), ((),))
        return Drawn(tuple(self._maps), tuple(self._values))

    def _cut(self, patch: Patch) -> Patch | None:
        (k, j, i), mask = patch
        depth, rows, columns = self._shape
        if not 0 <= k < depth:
            return None
        top, left = max(0, -j), max(0, -i)
        cut = mask[top : max(top, rows - j), left : max(left, columns - i)]
        return Patch((k, j + top, i + left), cut) if cut.size else None


def _at(one: np.ndarray, patch: Patch) -> np.ndarray:
    """The voxels of a map below a patch: a view."""
    (k, j, i), (rows, columns) = patch.start, patch.mask.shape
    return one[k, j : j + rows, i : i + columns]
