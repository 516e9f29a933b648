"""Where voxels are: the geometry of a volume, without its voxels.

Convention, once for the whole project: arrays are indexed ``[k, j, i]`` (slice, row, column; C order)
and an affine maps that same index order to DICOM patient coordinates, LPS+, in millimetres.  Other
conventions are turned at the door, in the readers, and nowhere else.

Geometry is plain float arithmetic, three axes at a time: the same bits on every CPU, which a BLAS or
LAPACK call does not promise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product
from math import sqrt
from typing import Literal

import numpy as np

from pipeline.errors import GeometryError

Frame = tuple[tuple[float, ...], ...]
Triple = tuple[int, int, int]

PARALLEL = 1e-9
"""Axes are parallel where a step along one moves the index of another by no more than this, in voxels."""

Anchor = Literal["face", "center", "middle", "faces", "centers"]
"""What stays put when a grid is respaced."""

IDENTITY: Frame = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
"""k, j, i along x, y, z in steps of 1 mm, from the origin."""


@dataclass(frozen=True)
class Grid:
    """A box of voxels on a lattice in patient space.  A value: ``==`` and ``hash`` compare bits.

    ::

        lattice index   0  1  2  3  4  5  6  7
        whole          [----------------------]     start 0, shape 8
        piece                   [-----]             start 3, shape 2: same frame, other integers

    Attributes
    ----------
    frame : (4, 4) nested tuples of float64, lattice index (k, j, i, 1) -> LPS mm
    shape : voxels along k, j, i
    start : where this box begins on the lattice; may be negative

    Raises
    ------
    GeometryError
        If the frame is not finite and invertible, or a length is negative.

    Examples
    --------
    >>> ct = Grid(np.diag([2.5, 0.8, 0.8, 1.0]), (20, 512, 512))
    >>> ct.crop((10, 0, 0), (12, 512, 512)).shape
    (2, 512, 512)
    >>> ct.crop((10, 0, 0), (12, 512, 512)).position((0, 0, 0))
    (25.0, 0.0, 0.0)
    >>> ct.respace((1.0, 1.0, 1.0)).shape
    (50, 410, 410)
    """

    frame: Frame
    shape: Triple
    start: Triple = (0, 0, 0)

    def __post_init__(self) -> None:
        rows = np.asarray(self.frame, dtype="f8").reshape(4, 4).tolist()
        object.__setattr__(self, "frame", tuple(map(tuple, rows)))
        object.__setattr__(self, "shape", _triple(self.shape))
        object.__setattr__(self, "start", _triple(self.start))
        if not np.isfinite(rows).all() or _determinant(self.frame) == 0 or min(self.shape) < 0:
            raise GeometryError("a grid needs a finite, invertible frame and lengths of at least 0")

    @property
    def stop(self) -> Triple:
        """One past the last lattice index along k, j, i."""
        return _triple(a + n for a, n in zip(self.start, self.shape, strict=True))

    @property
    def size(self) -> int:
        """Voxels in all."""
        k, j, i = self.shape
        return k * j * i

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) float64: this box's own index -> LPS mm."""
        return np.array(_moved(self.frame, self.start))

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along k, j, i, in mm."""
        columns = list(zip(*(row[:3] for row in self.frame[:3]), strict=True))
        k, j, i = (sqrt(x * x + y * y + z * z) for x, y, z in columns)
        return k, j, i

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel in mm3; a sheared voxel has that of its parallelepiped."""
        return abs(_determinant(self.frame))

    def position(self, index: Sequence[float]) -> tuple[float, float, float]:
        """LPS mm of an index (whole or fractional) of this box."""
        moved = _moved(_moved(self.frame, self.start), index)
        return moved[0][3], moved[1][3], moved[2][3]

    def index(self, position: Sequence[float]) -> tuple[float, float, float]:
        """Fractional index of this box at an LPS position in mm: what ``position`` undoes.

        >>> Grid(np.diag([2.0, 1.0, 0.5, 1.0]), (4, 4, 4), (1, 0, 0)).index((6.0, 3.0, 1.0))
        (2.0, 3.0, 2.0)
        """
        x, y, z = position
        k, j, i = (a * x + b * y + c * z + d for a, b, c, d in _between(self.frame, IDENTITY))
        return k - self.start[0], j - self.start[1], i - self.start[2]

    def between(self, start: Iterable[int], stop: Iterable[int]) -> Grid:
        """The box ``[start, stop)`` in lattice indices; empty where stop <= start."""
        low = _triple(start)
        shape = _triple(max(0, b - a) for a, b in zip(low, stop, strict=True))
        return replace(self, start=low, shape=shape)

    def crop(self, start: Iterable[int], stop: Iterable[int]) -> Grid:
        """The box ``[start, stop)`` in this box's own indices; negative starts extend it."""
        low, high = ([a + int(n) for a, n in zip(self.start, at, strict=True)] for at in (start, stop))
        return self.between(low, high)

    def pad(self, halo: int | Sequence[int]) -> Grid:
        """Grow by ``halo`` voxels (one number, or one an axis) on every side; negative shrinks.

        >>> Grid(np.eye(4), (4, 4, 4)).pad(2).start
        (-2, -2, -2)
        """
        k, j, i = (halo, halo, halo) if isinstance(halo, int) else halo
        a, b, c = self.shape
        return self.crop((-k, -j, -i), (a + k, b + j, c + i))

    def clip(self, piece: Grid) -> Grid:
        """The part of ``piece`` that lies on this box."""
        self._same_frame(piece)
        bounds = list(zip(self.start, self.stop, strict=True))
        return self.between(
            [min(max(a, lo), hi) for a, (lo, hi) in zip(piece.start, bounds, strict=True)],
            [min(max(b, lo), hi) for b, (lo, hi) in zip(piece.stop, bounds, strict=True)],
        )

    def hull(self, other: Grid) -> Grid:
        """The smallest box that holds both."""
        self._same_frame(other)
        return self.between(map(min, self.start, other.start), map(max, self.stop, other.stop))

    def slices(self, piece: Grid) -> tuple[slice, slice, slice]:
        """Index of ``piece`` in an array that lies on this box.

        Raises GeometryError where the piece is on another frame or not inside.
        """
        self._same_frame(piece)
        inside = all(a >= lo for a, lo in zip(piece.start, self.start, strict=True)) and all(
            b <= hi for b, hi in zip(piece.stop, self.stop, strict=True)
        )
        if not inside:
            raise GeometryError(f"{piece.start}..{piece.stop} is not inside {self.start}..{self.stop}")
        k, j, i = (slice(a - lo, b - lo) for a, b, lo in zip(piece.start, piece.stop, self.start, strict=True))
        return k, j, i

    def blocks(self, size: Sequence[int]) -> list[Grid]:
        """Tile this box with pieces of at most ``size`` voxels an axis, in C order.

        >>> [b.shape[2] for b in Grid(np.eye(4), (1, 1, 10)).blocks((1, 1, 4))]
        [4, 4, 2]
        """
        corners = product(*(range(0, n, s) for n, s in zip(self.shape, size, strict=True)))
        return [self.crop(at, [min(a + s, n) for a, s, n in zip(at, size, self.shape, strict=True)]) for at in corners]

    def respace(self, spacing: Sequence[float], anchor: Anchor = "face", shape: Sequence[int] | None = None) -> Grid:
        """Same field of view, voxels of ``spacing`` mm (k, j, i), a new frame that begins at index 0.

        The outer *faces* of the first voxel stay put; the last face moves by half a new voxel at most,
        since a length is a whole number of voxels: ``round(n * old / new)``, half to even.  Where that is
        none, one voxel lies in the middle of the old ones::

            old   |  .  |  .  |  .  |  .  |      4 voxels of 1.5 mm
            new   | . | . | . | . | . | . |      6 voxels of 1 mm

        With another ``anchor`` something else stays put: the ``center`` of the first voxel, the ``middle`` of the
        whole; or both outer ``faces`` or ``centers``, for which the spacing gives way.  ``shape`` replaces lengths.
        """
        step = [new / old for new, old in zip(spacing, self.spacing, strict=True)]
        lengths = [round(n / s) for n, s in zip(self.shape, step, strict=True)] if shape is None else list(shape)
        lines = [_anchored(anchor, *line) for line in zip(self.shape, step, lengths, strict=True)]
        frame = _moved(_moved(self.frame, self.start), [first for _, first in lines])
        rows = [(*(c * s for c, (s, _) in zip(row[:3], lines, strict=True)), row[3]) for row in frame[:3]]
        return Grid((*rows, frame[3]), _triple(max(1, m) for m in lengths))

    def matrix(self, other: Grid) -> Frame:
        """(3, 4): lattice index here = matrix @ (lattice index there, 1)."""
        return _between(self.frame, other.frame)

    def axes(self, other: Grid) -> tuple[tuple[float, float], ...]:
        """Per axis ``(step, offset)``: lattice index here = step * lattice index there + offset.

        Raises GeometryError where the axes of the two frames are not parallel, pair by pair.
        """
        m = self.matrix(other)
        if any(abs(m[p][q]) > PARALLEL for p in range(3) for q in range(3) if p != q):
            raise GeometryError("the axes of the two grids are not parallel")
        return tuple((m[p][p], m[p][3]) for p in range(3))

    def _same_frame(self, other: Grid) -> None:
        if self.frame != other.frame:
            raise GeometryError("the grids lie on different frames; resample first")


def _anchored(anchor: Anchor, n: int, step: float, m: int) -> tuple[float, float]:
    """(step, index of the first) of ``m`` voxels about ``step`` old ones apart, among ``n`` old ones."""
    if anchor == "faces":
        step = n / max(1, m)
    elif anchor == "centers" and min(m, n) > 1:
        step = (n - 1) / (m - 1)
    if anchor in ("center", "centers"):
        return step, 0.0
    if anchor == "middle":
        return step, ((n - 1) - (max(1, m) - 1) * step) / 2
    return step, (step if m else n) / 2 - 0.5


def _triple(values: Iterable[int]) -> Triple:
    k, j, i = map(int, values)
    return k, j, i


def _moved(frame: Frame, index: Sequence[float]) -> Frame:
    """The frame whose index 0 is ``index`` (whole or fractional) of ``frame``."""
    k, j, i = index
    return (*((a, b, c, a * k + b * j + c * i + o) for a, b, c, o in frame[:3]), frame[3])


def _adjugate(frame: Frame) -> Frame:
    (a, b, c, _), (d, e, f, _), (g, h, i, _) = frame[:3]
    return (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )


def _determinant(frame: Frame) -> float:
    """Of the 3 x 3 part: first row times first column of the adjugate."""
    return sum(frame[0][n] * row[0] for n, row in enumerate(_adjugate(frame)))


@lru_cache(maxsize=1024)
def _between(here: Frame, there: Frame) -> Frame:
    """Solved once per pair of frames, by Cramer's rule: inverse = adjugate / determinant."""
    det = _determinant(here)
    moved = [[*row[:3], row[3] - own[3]] for row, own in zip(there[:3], here[:3], strict=True)]
    return tuple(
        tuple(sum(x * y for x, y in zip(row, column, strict=True)) / det for column in zip(*moved, strict=True))
        for row in _adjugate(here)
    )
