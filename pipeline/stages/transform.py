"""A volume turned, scaled, mirrored, shifted and bent, in one interpolation with its resampling."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, isfinite, radians, sin
from typing import ClassVar, Literal

from pipeline import regrid
from pipeline.elastic import Elastic
from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.kernels.ramp import Ramp
from pipeline.orientation import straightened
from pipeline.stages import Stage
from pipeline.volume import Spec, Volume

Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

FINE = 2.0**40
"""Sines and cosines are rounded to 1 / FINE: the mathematical libraries of two machines may differ in the last bit."""


@dataclass(frozen=True)
class Transform(Stage):
    """What the volume shows, moved about its centre in mm; the grid is that of ``resample`` and stays where it is.

    ::

        source --(mirror, scale, turn, shift, bend)--> seen on the grid, interpolated once

    The voxel at p shows what was at ``centre + mirror (turn^-1 (p - centre - shift)) / scale + bend``, in mm along the
    perpendicular axes of the grid: aspects stay right whatever the spacing.  Without any of them the bits are those of
    ``resample``.  A cubic overshoots at edges; integers are clipped to their type, what else is clipped a later stage
    says.

    Attributes
    ----------
    spacing : mm along k, j, i; None: as it is
    degrees : turns about the axes k, j, i, the one about i first; each takes the first of the other two axes, in the
        order k, j, i, towards the second
    scale : above 1 makes what is seen larger along k, j, i
    mirror : k, j, i seen in reverse
    shift_mm : along k, j, i, after turning
    elastic : a smooth displacement
    order : of the B-spline, 0, 1 or 3
    labels : looked up by ``nearest``; or ``linear``: each is interpolated as a mask, the one with most weight is taken
    antialias : smooth before, along axes of the source along which the new voxels are the longer
    fill : of what lies outside the source; None: -1024, so that unsigned types get 0; labels always get 0

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    spacing: Triple | None = None
    degrees: Triple = (0.0, 0.0, 0.0)
    scale: Triple = (1.0, 1.0, 1.0)
    mirror: tuple[bool, bool, bool] = (False, False, False)
    shift_mm: Triple = (0.0, 0.0, 0.0)
    elastic: Elastic | None = None
    order: Literal[0, 1, 3] = 1
    antialias: bool = False
    fill: float | None = None
    labels: Literal["nearest", "linear"] = "nearest"

    moves: ClassVar[bool] = True
    scratch: ClassVar[int] = 9
    interpolates: ClassVar[bool] = True
    deforms: ClassVar[bool] = True
    fuses: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.spacing is not None and not all(s > 0 and isfinite(s) for s in self.spacing):
            raise ValueError("spacing must be three finite numbers above 0, in mm along k, j, i")
        if not all(map(isfinite, (*self.degrees, *self.shift_mm))):
            raise ValueError("degrees and shift_mm must be finite numbers")
        if not all(s > 0 and isfinite(s) for s in self.scale):
            raise ValueError("scale must be three finite numbers above 0")
        if self.order not in (0, 1, 3):
            raise ValueError("order must be 0, 1 or 3")
        if self.fill is not None and not isfinite(self.fill):
            raise ValueError("fill must be a finite number")
        if self.labels not in ("nearest", "linear"):
            raise ValueError("labels must be nearest or linear")

    def spec(self, source: Spec) -> Spec:
        straight = straightened(source.grid)
        return Spec(straight.respace(self.spacing or straight.spacing), source.kind, source.dtype)

    def reach(self, piece: Grid, source: Spec) -> Grid:
        order = self._order(source)
        return regrid.reach(
            self._seen(piece, source), source.grid, order=order, antialias=self._smooth(source), elastic=self.elastic
        )

    def __call__(self, volume: Volume, piece: Grid, source: Spec, ramp: Ramp | None = None) -> Volume:
        """The piece; with ``ramp``, the bits of moving, storing, and then the ramp.

        Raises KindError for labels with a ramp.
        """
        if ramp is not None and source.kind == "labels":
            raise KindError("an intensity stage was handed labels")
        seen = self._seen(piece, source)
        if source.kind == "labels" and self.labels == "linear":
            voted = regrid.vote(volume, seen, source.grid, elastic=self.elastic)
            return Volume(voted.array, piece, source.kind)
        made = regrid.regrid(
            volume,
            seen,
            source.grid,
            order=self._order(source),
            antialias=self._smooth(source),
            fill=regrid.filling(source.kind, self.fill),
            elastic=self.elastic,
            ramp=ramp,
        )
        return Volume(made.array, piece, source.kind)

    def _order(self, source: Spec) -> Literal[0, 1, 3]:
        if source.kind == "image":
            return self.order
        return 1 if self.labels == "linear" else 0

    def _smooth(self, source: Spec) -> bool:
        return self.antialias and source.kind == "image"

    def _seen(self, piece: Grid, source: Spec) -> Grid:
        """Where the content of the piece came from: the same integers on a frame that is moved the other way."""
        whole = self.spec(source).grid
        back = _back(self.degrees, self.scale, self.mirror)
        if back == _EYE and not any(self.shift_mm):
            return piece
        middle = [a + (n - 1) / 2 for a, n in zip(whole.start, whole.shape, strict=True)]
        k, j, i = (-m * s - t for m, s, t in zip(middle, whole.spacing, self.shift_mm, strict=True))
        first = [_dot(row, (k, j, i)) for row in back]  # lattice index 0 on the axes of the grid, in mm from the centre
        rows = []
        for row, centre in zip(whole.frame[:3], whole.position([(n - 1) / 2 for n in whole.shape]), strict=True):
            k, j, i = (a / s for a, s in zip(row[:3], whole.spacing, strict=True))
            columns = zip(zip(*back, strict=True), whole.spacing, strict=True)
            steps = [_dot((k, j, i), column) * s for column, s in columns]
            rows.append((*steps, centre + (k * first[0] + j * first[1] + i * first[2])))
        return Grid((*rows, whole.frame[3]), piece.shape, piece.start)


_EYE: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def _back(degrees: Triple, scale: Triple, mirror: tuple[bool, bool, bool]) -> Matrix:
    """What undoes mirror, scale and turn, done in this order: (3, 3) over the axes k, j, i."""
    unturn = _EYE
    for axis in (2, 1, 0):
        unturn = _product(unturn, _turn(axis, -degrees[axis]))
    k, j, i = ((-1 if flip else 1) / s for flip, s in zip(mirror, scale, strict=True))
    return _product(((k, 0.0, 0.0), (0.0, j, 0.0), (0.0, 0.0, i)), unturn)


def _turn(axis: int, degrees: float) -> Matrix:
    c, s = (round(f(radians(degrees)) * FINE) / FINE for f in (cos, sin))
    p, q = (n for n in range(3) if n != axis)
    rows = [list(row) for row in _EYE]
    rows[p][p], rows[p][q], rows[q][p], rows[q][q] = c, -s, s, c
    k, j, i = ((a, b, c) for a, b, c in rows)
    return k, j, i


def _product(a: Matrix, b: Matrix) -> Matrix:
    x, y, z = zip(*b, strict=True)
    k, j, i = ((_dot(row, x), _dot(row, y), _dot(row, z)) for row in a)
    return k, j, i


def _dot(a: Triple, b: Triple) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
