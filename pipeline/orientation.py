"""How a lattice lies in the patient: turned by whole axes, straightened, or brought onto the patient's own axes.

Codes name the patient directions in which i, j and k (column, row, slice) rise, first letter first, as ITK and the
NIfTI tools write them: L(eft) or R(ight), P(osterior) or A(nterior), S(uperior) or I(nferior).  An axial CT is ``LPS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product
from math import ceil, floor, sqrt

from pipeline.grid import PARALLEL, Frame, Grid, Triple
from pipeline.xp import Array

SHEAR = 1e-4
"""Axes are perpendicular where the cosine between them is no more: a voxel face half a metre away is off by 0.05 mm."""

_UP, _DOWN = "LPS", "RAI"


@dataclass(frozen=True)
class Turn:
    """Axes permuted and reversed; no voxel is computed.

    Axis n of what is turned becomes that which was ``axes[n]``, reversed where ``flips[n]``.  The lattice is turned
    about its index 0, so that a frame keeps its origin, and turning back gives its very bits::

        index     0  1  2  3         a box [1, 4) of a lattice that is reversed
        turned   -3 -2 -1            is the box [-3, 0) of the new one
    """

    axes: Triple
    flips: tuple[bool, bool, bool]

    @property
    def inverse(self) -> Turn:
        """What turns back."""
        k, j, i = (self.axes.index(n) for n in range(3))
        return Turn((k, j, i), (self.flips[k], self.flips[j], self.flips[i]))

    def grid(self, grid: Grid) -> Grid:
        """The same voxels by their new indices."""
        rows = [(*(self._signed(row, n) for n in range(3)), row[3]) for row in grid.frame[:3]]
        start = [1 - grid.stop[a] if flip else grid.start[a] for a, flip in zip(self.axes, self.flips, strict=True)]
        k, j, i = (grid.shape[a] for a in self.axes)
        a, b, c = start
        return Grid((*rows, grid.frame[3]), (k, j, i), (a, b, c))

    def array(self, x: Array) -> Array:
        """A view of ``x`` by its new indices."""
        return x.transpose(self.axes)[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]

    def _signed(self, row: tuple[float, ...], n: int) -> float:
        c = row[self.axes[n]]
        return 0.0 - c if self.flips[n] else c  # no -0


def codes(grid: Grid) -> str:
    """The patient directions nearest to those in which i, j, k rise.

    >>> import numpy as np
    >>> codes(Grid(np.array([[0, 0, 0.8, 0], [0, 0.8, 0, 0], [2.5, 0, 0, 0], [0, 0, 0, 1]]), (20, 512, 512)))
    'LPS'
    """
    rises = _rises(grid)
    letters = [(_UP if up else _DOWN)[axis] for axis, up in rises]
    return "".join(reversed(letters))


def toward(grid: Grid, wanted: str) -> Turn:
    """The turn after which ``codes`` of the grid are the wanted ones.

    Raises ValueError for letters that do not name three axes.
    """
    now = codes(grid)[::-1]
    axes, flips = [], []
    for letter in reversed(checked(wanted)):
        pair = next(a + b for a, b in zip(_UP, _DOWN, strict=True) if letter in (a, b))
        (axis,) = [n for n in range(3) if now[n] in pair]
        axes.append(axis)
        flips.append(now[axis] != letter)
    (k, j, i), (a, b, c) = axes, flips
    return Turn((k, j, i), (a, b, c))


def checked(letters: str) -> str:
    """The same codes.  Raises ValueError where they do not name three axes."""
    if sorted(_UP[_DOWN.find(c)] if c in _DOWN else c for c in letters) != sorted(_UP):
        raise ValueError("codes are three letters, one each of L or R, P or A, S or I")
    return letters


def matching(grid: Grid, other: Grid) -> Turn | None:
    """The turn after which the axes of ``grid`` run along those of ``other``; None where no turn does that.

    ``Grid.axes`` of the turned grid and the other has positive steps, then.
    """
    m = grid.matrix(other)
    k, j, i = (max(range(3), key=lambda p: abs(m[p][q])) for q in range(3))
    if {k, j, i} != {0, 1, 2}:
        return None
    turn = Turn((k, j, i), (m[k][0] < 0, m[j][1] < 0, m[i][2] < 0))
    rest = [m[p][q] for p in range(3) for q in range(3) if p != turn.axes[q]]
    return turn if max(map(abs, rest)) <= PARALLEL else None


def straightened(grid: Grid) -> Grid:
    """The same field of view on perpendicular axes: i is kept, j within the plane of i and j, k along its normal.

    A tilted gantry gives slices of which each lies a little further along j::

        source        _____           straightened   |- - -_____|      same slices, same rows and columns;
                    _____                            |- _____  -|      each is moved within its plane, by
                  _____                              |_____- - -|      interpolation, and the rest is fill

    The grid itself where its axes are perpendicular already, to SHEAR.
    """
    k, j, i = _columns(grid.frame)
    if max(abs(_cosine(a, b)) for a, b in ((k, j), (k, i), (j, i))) <= SHEAR:
        return grid
    along_i = _share(j, i)
    j = _less(j, i, along_i)
    by_i, by_j = _share(k, i), _share(k, j)
    k = _less(_less(k, i, by_i), j, by_j)
    ends = [(a, max(b - 1, a)) for a, b in zip(grid.start, grid.stop, strict=True)]
    moved = [(n, m + by_j * n, o + along_i * m + by_i * n) for n, m, o in product(*ends)]
    start = [floor(min(axis) + 1e-6) for axis in zip(*moved, strict=True)]
    stop = [ceil(max(axis) - 1e-6) + 1 for axis in zip(*moved, strict=True)]
    return Grid(_frame([k, j, i], [row[3] for row in grid.frame[:3]]), (1, 1, 1)).between(start, stop)


def aligned(grid: Grid) -> Grid:
    """The same field of view along the patient's axes, each the nearest to that of the grid, with its spacing.

    The box that holds all of the old voxels, corners included; the grid itself where it lies so already.
    """
    rises, spacing = _rises(grid), grid.spacing
    columns = [[0.0, 0.0, 0.0] for _ in range(3)]
    for column, (axis, up), s in zip(columns, rises, spacing, strict=True):
        column[axis] = s if up else -s
    pairs = zip(_columns(grid.frame), columns, strict=True)
    if all(abs(a - b) <= PARALLEL for old, new in pairs for a, b in zip(old, new, strict=True)):
        return grid
    corners = [grid.position(at) for at in product(*((-0.5, n - 0.5) for n in grid.shape))]
    centre = [(min(x) + max(x)) / 2 for x in zip(*corners, strict=True)]
    width = [max(x) - min(x) for x in zip(*corners, strict=True)]
    shape = [max(1, ceil(width[axis] / s - 1e-6)) for (axis, _), s in zip(rises, spacing, strict=True)]
    first = [c - sum(col[n] * (m - 1) / 2 for col, m in zip(columns, shape, strict=True)) for n, c in enumerate(centre)]
    k, j, i = shape
    return Grid(_frame(columns, first), (k, j, i))


def _rises(grid: Grid) -> list[tuple[int, bool]]:
    """Of k, j, i: the patient axis (x, y, z as 0, 1, 2) that is nearest, no axis twice, and whether it rises."""
    columns = _columns(grid.frame)

    def fit(axes: tuple[int, ...]) -> float:
        return sum(abs(c[a]) / s for c, a, s in zip(columns, axes, grid.spacing, strict=True))

    best = max(permutations((2, 1, 0)), key=fit)
    return [(a, c[a] > 0) for c, a in zip(columns, best, strict=True)]


def _columns(frame: Frame) -> list[list[float]]:
    """Steps along k, j, i in mm."""
    return [[row[n] for row in frame[:3]] for n in range(3)]


def _frame(columns: list[list[float]], origin: list[float]) -> Frame:
    return (*zip(*columns, origin, strict=True), (0.0, 0.0, 0.0, 1.0))


def _dot(a: list[float], b: list[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _share(a: list[float], b: list[float]) -> float:
    """How many times ``b`` is in ``a``."""
    return _dot(a, b) / _dot(b, b)


def _less(a: list[float], b: list[float], times: float) -> list[float]:
    return [x - times * y for x, y in zip(a, b, strict=True)]


def _cosine(a: list[float], b: list[float]) -> float:
    return _dot(a, b) / sqrt(_dot(a, a) * _dot(b, b))
