"""A network over a whole volume: windows slide over its grid, and labels come out on the volume's own.

Logits overlap, are averaged by their weights, brought to the source's voxels by linear interpolation, and the class
with the largest is taken, as nnU-Net does (Isensee et al., Nature Methods 18, 2021).  But nothing is ever held for the
whole volume but labels: of the logits one layer of windows, of the interpolated ones the slab that it finishes::

    network   [== layer ==]----->      finished planes | being summed | not seen yet
    source    LLLLLLLL~~                labels         | one class, and the best so far
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol

import numpy as np

from pipeline import orientation
from pipeline.errors import GeometryError
from pipeline.grid import Grid, Triple
from pipeline.kernels.intensity import ramp as normalise
from pipeline.kernels.ramp import Ramp
from pipeline.models import overshoot
from pipeline.models.descriptor import Descriptor, Lattice
from pipeline.models.device import LIBRARY
from pipeline.models.turns import away
from pipeline.models.windows import Windows, cut, weights
from pipeline.regrid import AIR, reach, regrid
from pipeline.volume import Spec, Volume


class Network(Protocol):
    """What looks at patches, and how many it likes to have before it."""

    classes: int

    @property
    def ahead(self) -> int:
        """Patches that one volume may have asked for before it takes an answer."""

    def submit(self, patch: np.ndarray) -> Future[np.ndarray]:
        """A patch, float32 ``[channel, k, j, i]``, to its logits, float32 ``[class, k, j, i]``, in a while."""


def needed(descriptor: Descriptor, overlap: float, piece: Grid, source: Grid) -> Grid:
    """What of the source must be read to label a piece of it."""
    if descriptor.intensity.rule != "fixed" or descriptor.grid.clip or not piece.size:
        return source
    lattice, grid = descriptor.grid, descriptor.grid.of(source)
    seen = Windows(grid, descriptor.patch, overlap).hull(_looked_at(lattice, piece, grid, source))
    order = lattice.orders(source, lattice.order)
    return reach(seen, source, order=order, antialias=lattice.antialias, border=lattice.border)


def segment(
    descriptor: Descriptor, network: Network, volume: Volume, piece: Grid, source: Grid, overlap: float
) -> Volume:
    """Labels on ``piece``; any cut into pieces gives those of the whole (law L11).

    Parameters
    ----------
    volume : in source units; what of the source is ``needed``, or more
    source : the whole, of which the piece is a part

    Raises
    ------
    Quarantine
        If the intensities cannot be normalised.
    """
    values = {structure.value for structure in descriptor.structures}
    table = np.array([c if c in values else 0 for c in range(network.classes)], labels_dtype(descriptor))
    labels = Volume(np.zeros(piece.shape, table.dtype), piece, "labels")
    if not piece.size:
        return labels
    lattice, grid = descriptor.grid, descriptor.grid.of(source)
    windows = Windows(grid, descriptor.patch, overlap, descriptor.peak)
    region = _looked_at(lattice, piece, grid, source)
    ramp = descriptor.intensity.ramp(volume.intensities)
    seen = prepared(lattice, ramp, volume, windows.hull(region), source)
    air = None if descriptor.air is None else (min(max(descriptor.air, ramp.low), ramp.high) - ramp.base) * ramp.scale
    back = _along(grid, piece, lattice.orders(source, 1))
    waiting = _Waiting(piece, grid, windows.axis, back)
    for logits in slabs(windows, region, seen, network, air):
        part = waiting.ready(logits.grid)
        if part is not None:
            labels.array[piece.slices(part)] = _chosen(logits, part, grid, back, table)
    return labels


def held(descriptor: Descriptor, source: Spec) -> int:
    """Bytes that labelling a whole volume holds beside it and its labels, at most (law L9).

    What the network itself holds is the descriptor's ``memory``, and torch's own.
    """
    memory = LIBRARY + descriptor.memory
    if descriptor.network is None:
        return memory + 4 * source.grid.size
    classes = descriptor.network.classes
    ahead = 2 * descriptor.batch
    grid = descriptor.grid.of(source.grid)
    windows = Windows(grid, descriptor.patch, descriptor.overlap)
    patch = int(np.prod(descriptor.patch))
    long = grid.shape[windows.axis]
    deep = min(descriptor.patch[windows.axis] + 1, long)  # planes that are summed; the last layer finishes all of them
    layer = grid.size // long * deep
    seen = grid.size * 4 + (source.grid.size * 8 if descriptor.grid.normalised else 0)
    slab = source.grid.size * 4 * 4 * deep // long
    return memory + seen + layer * 4 * (classes + 1) + patch * 4 * (ahead + 2) * (classes + 1) + slab


def labels_dtype(descriptor: Descriptor) -> np.dtype:
    """Of the label maps of a model."""
    return np.dtype("uint8" if max(s.value for s in descriptor.structures) < 256 else "uint16")


def prepared(lattice: Lattice, ramp: Ramp, volume: Volume, piece: Grid, source: Grid) -> Volume:
    """What a network sees of a volume: float32 on a piece of its grid, normalised; 0 where a voxel is no number."""
    order = lattice.orders(source, lattice.order)
    moved: dict[str, Any] = {"order": order, "antialias": lattice.antialias, "border": lattice.border}
    if lattice.normalised:
        whole = volume.with_array(normalise(volume.array, ramp))
        made = regrid(whole, piece, source, **moved)
        if lattice.clip and lattice.order == 3:
            overshoot.clip(made, whole, order)
    else:
        made = regrid(volume, piece, source, fill=AIR, ramp=ramp, **moved)
    if volume.array.dtype.kind == "f":
        # One that is none would be the mean and the deviation of its whole patch.
        np.copyto(made.array, np.float32(0), where=~np.isfinite(made.array))
    return made


def _looked_at(lattice: Lattice, piece: Grid, grid: Grid, source: Grid) -> Grid:
    """What of the network's grid the labels of a piece are interpolated from."""
    return reach(piece, grid, order=_along(grid, piece, lattice.orders(source, 1)))


def _along(grid: Grid, piece: Grid, order: Triple) -> Triple:
    """Orders along the axes of the network's grid, as those along the axes of a piece of the source."""
    k, j, i = (order[axis] for axis in _turn(grid, piece).axes)
    return k, j, i


def _turn(grid: Grid, piece: Grid) -> orientation.Turn:
    turn = orientation.matching(grid, piece)
    if turn is None:
        raise GeometryError("the grid of a network runs along its source")
    return turn


@dataclass(frozen=True)
class _Logits:
    """Averaged logits, float32 ``[class, k, j, i]``, on a slab of the network's grid."""

    array: np.ndarray
    grid: Grid


def slabs(windows: Windows, region: Grid, seen: Volume, network: Network, air: float | None) -> Iterator[_Logits]:
    """Slabs of the region as they are finished, each with the last plane of the one before.

    The next one overwrites what the last one held.
    """
    layers = windows.layers(region)
    sums = _Sums(windows, region, network.classes)
    ends = [layer[0].start[windows.axis] for layer in layers[1:]] + [region.stop[windows.axis]]
    answers = _answers(chain.from_iterable(layers), seen, network, air)
    for layer, end in zip(layers, ends, strict=True):
        for window, logits in islice(answers, len(layer)):
            if logits is not None:
                sums.add(window, logits)
        if end > sums.done:
            yield sums.finish(end)
            sums.forget()


def _answers(
    windows: Iterable[Grid], seen: Volume, network: Network, air: float | None
) -> Iterator[tuple[Grid, np.ndarray | None]]:
    """(window, logits) in order, None where it is all air; a few are asked for ahead, of the next layer too."""
    asked: deque[tuple[Grid, Future[np.ndarray] | None]] = deque()
    for window in windows:
        patch = cut(seen.array, seen.grid, window)
        answer = None
        if air is None or patch.max() > air:
            with away():
                answer = network.submit(patch[None])
        asked.append((window, answer))
        if len(asked) > network.ahead:
            yield _answered(*asked.popleft())
    for one in asked:
        yield _answered(*one)


def _answered(window: Grid, logits: Future[np.ndarray] | None) -> tuple[Grid, np.ndarray | None]:
    if logits is None:
        return window, None
    with away():
        return window, logits.result()


class _Sums:
    """Weighted sums of logits, and sums of weights, on the planes that are not finished yet and the one before them.

    ::

        planes    first        done                first + patch + 1
                  | averaged   | being summed ...  |
    """

    def __init__(self, windows: Windows, region: Grid, classes: int) -> None:
        self.region, self.axis = region, windows.axis
        self.gauss = weights(windows.patch, windows.peak)
        self.first = self.done = region.start[self.axis]
        deep = min(windows.patch[self.axis] + 1, region.shape[self.axis])
        across = [n for axis, n in enumerate(region.shape) if axis != self.axis]
        self.total = np.zeros((classes, deep, *across), np.float32)
        self.weight = np.zeros((deep, *across), np.float32)

    def add(self, window: Grid, logits: np.ndarray) -> None:
        """One window's logits; what lies outside the region is left."""
        inside = self.region.clip(window)
        seen = window.slices(inside)
        at = list(self.region.slices(inside))
        here = inside.start[self.axis] - self.first
        at = [slice(here, here + inside.shape[self.axis]), *(at[n] for n in range(3) if n != self.axis)]
        gauss = np.moveaxis(self.gauss[seen], self.axis, 0)
        self.weight[tuple(at)] += gauss
        for total, logit in zip(self.total, logits, strict=True):
            total[tuple(at)] += np.moveaxis(logit[seen], self.axis, 0) * gauss

    def finish(self, end: int) -> _Logits:
        """The averages up to the plane ``end``; 0 for every class where no window looked."""
        fresh = slice(self.done - self.first, end - self.first)
        weight = self.weight[fresh]
        for total in self.total[:, fresh]:
            np.divide(total, weight, out=total, where=weight > 0)
        bounds = [list(self.region.start), list(self.region.stop)]
        bounds[0][self.axis], bounds[1][self.axis] = self.first, end
        self.done = end
        finished = self.total[:, : end - self.first]
        return _Logits(np.moveaxis(finished, 1, self.axis + 1), self.region.between(*bounds))

    def forget(self) -> None:
        """All finished planes but the last make room."""
        gone = self.done - 1 - self.first
        self.first += gone
        for held in (*self.total, self.weight):
            held[: held.shape[0] - gone] = held[gone:]
            held[held.shape[0] - gone :] = 0


class _Waiting:
    """Planes of a piece of the source that wait for the logits that they lie between."""

    def __init__(self, piece: Grid, grid: Grid, axis: int, order: Triple) -> None:
        turn = _turn(grid, piece)
        self.piece, self.axis, self.along = piece, turn.axes.index(axis), axis
        planes = [self._slab(at, at + 1) for at in range(piece.start[self.axis], piece.stop[self.axis])]
        ends = [(reach(plane, grid, order=order).stop[axis], plane.start[self.axis]) for plane in planes]
        self.ends = deque(sorted(ends))

    def ready(self, finished: Grid) -> Grid | None:
        """The planes that have become ready; None where none has."""
        ready = []
        while self.ends and self.ends[0][0] <= finished.stop[self.along]:
            ready.append(self.ends.popleft()[1])
        return self._slab(min(ready), max(ready) + 1) if ready else None

    def _slab(self, start: int, stop: int) -> Grid:
        bounds = [list(self.piece.start), list(self.piece.stop)]
        bounds[0][self.axis], bounds[1][self.axis] = start, stop
        return self.piece.between(*bounds)


def _chosen(logits: _Logits, part: Grid, grid: Grid, order: Triple, table: np.ndarray) -> np.ndarray:
    """Labels of a part of the source: of its classes the one with the largest logit, of equals the first."""
    labels = np.full(part.shape, table[0])
    best: np.ndarray | None = None
    for logit, label in zip(logits.array, table, strict=True):
        there = regrid(Volume(logit, logits.grid), part, grid, order=order).array
        if best is None:
            best = there.copy()
            continue
        above = there > best
        np.copyto(best, there, where=above)
        labels[above] = label
    return labels
