"""Masks as runs: where each row of voxels enters the mask and leaves it, and which runs belong together.

Runs that touch are united in a forest whose roots are the first run of their component in C order, so numbers and
ties depend on the mask alone.  The forest is the classic one: R. E. Tarjan, Efficiency of a good but not linear set
union algorithm, J. ACM 22(2), 1975.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from pipeline.kernels import bits


@dataclass(frozen=True, eq=False)
class Runs:
    """The components of a mask [k, j, i]; component 0 is that of the first voxel in C order, and so on.

    shape : of the mask
    rows : int64 [k * j + 1]; row r, counted in C order, holds the runs ``rows[r]`` to ``rows[r + 1]``
    edges : int32 [2 * runs]; run n holds the voxels ``edges[2 n]`` to ``edges[2 n + 1]`` of its row
    component : int64 [runs], the component of each run
    """

    shape: tuple[int, int, int]
    rows: np.ndarray
    edges: np.ndarray
    component: np.ndarray

    @property
    def count(self) -> int:
        """Number of components."""
        return int(self.component.max(initial=-1)) + 1

    def sizes(self) -> np.ndarray:
        """int64 [component]: voxels of each."""
        sizes = np.zeros(self.count, np.int64)
        np.add.at(sizes, self.component, self.edges[1::2] - self.edges[::2])
        return sizes

    def touching(self, axes: tuple[int, ...]) -> np.ndarray:
        """bool [component]: which have a voxel on the first or the last plane along one of the axes."""
        nk, nj, ni = self.shape
        row = np.repeat(np.arange(self.rows.size - 1), np.diff(self.rows))
        ends = (row // nj, row // nj), (row % nj, row % nj), (self.edges[::2], self.edges[1::2] - 1)
        touching = np.zeros(self.count, np.bool_)
        for axis in axes:
            (first, last), length = ends[axis], (nk, nj, ni)[axis]
            touching[self.component[(first == 0) | (last == length - 1)]] = True
        return touching

    def meeting(self, mask: np.ndarray) -> np.ndarray:
        """bool [component]: which have a voxel in common with a uint8 or bool mask of the same shape."""
        meeting = np.zeros(self.count, np.bool_)
        if meeting.size:
            lines = np.ascontiguousarray(mask).view(np.uint8).reshape(-1, self.shape[2])
            lines.flags.writeable = False  # one signature for every mask
            _meet(self.rows, self.edges, self.component, lines, meeting)
        return meeting

    def paint(self, values: np.ndarray) -> np.ndarray:
        """[k, j, i] in the dtype of ``values`` [component]: each component its value, 0 elsewhere."""
        out = np.zeros(self.shape, values.dtype)
        if values.size:
            _fill(self.rows, self.edges, values[self.component], out.reshape(-1, self.shape[2]))
        return out


def runs(mask: np.ndarray, neighbours: np.ndarray, slack: int) -> Runs:
    """The components of a uint8 or bool mask [k, j, i].

    Parameters
    ----------
    neighbours : int64 [n, 2], offsets (dk, dj) of the rows that a row can touch and that come before it in C order
    slack : 0 where runs of two such rows touch only if they overlap along i; 1 where corners are enough
    """
    words = bits.pack(mask)
    nk, nj, w = words.shape
    rows, edges = _runs(words.reshape(nk * nj, w), mask.shape[2])
    root = _unite(rows, edges, nj, neighbours, slack)
    number = np.cumsum(root == np.arange(root.size)) - 1
    return Runs((nk, nj, mask.shape[2]), rows, edges, number[root])


def _trailing_zeros(_context: Any, _word: Any) -> Any:
    """Position of the lowest bit that is set in a uint64; undefined for 0."""

    def body(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), body


_lowest_bit: Any = intrinsic(_trailing_zeros)


@njit(cache=True, nogil=True)
def _runs(words: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where runs begin and end in each row of bits [row, word]."""
    one, top = np.uint64(1), np.uint64(63)
    total = 0
    for r in range(words.shape[0]):
        before = np.uint64(0)
        for w in range(words.shape[1]):
            word = words[r, w]
            begins = word & ~((word << one) | before)
            while begins:
                begins &= begins - one
                total += 1
            before = word >> top
    rows = np.zeros(words.shape[0] + 1, np.int64)
    edges = np.empty(2 * total, np.int32)
    n = 0
    for r in range(words.shape[0]):
        before = np.uint64(0)
        for w in range(words.shape[1]):
            word = words[r, w]
            change = word ^ ((word << one) | before)
            while change:
                edges[n] = 64 * w + np.int64(_lowest_bit(change))
                n += 1
                change &= change - one
            before = word >> top
        if before:
            edges[n] = length
            n += 1
        rows[r + 1] = n // 2
    return rows, edges


@njit(cache=True, nogil=True)
def _unite(rows: np.ndarray, edges: np.ndarray, nj: int, neighbours: np.ndarray, slack: int) -> np.ndarray:
    """First run of the component of each run."""
    parent = np.arange(edges.size // 2)
    for r in range(rows.size - 1):
        for n in range(neighbours.shape[0]):
            k, j = r // nj + neighbours[n, 0], r % nj + neighbours[n, 1]
            if k >= 0 and 0 <= j < nj:
                _join(rows, edges, parent, r, k * nj + j, slack)
    for n in range(parent.size):  # a parent always comes first, so one pass flattens the forest
        parent[n] = parent[parent[n]]
    return parent


@njit(cache=True, nogil=True)
def _join(rows: np.ndarray, edges: np.ndarray, parent: np.ndarray, r: int, q: int, slack: int) -> None:
    """Unite the runs of rows r and q that overlap along i, or that ``slack`` lets touch."""
    a, b = rows[r], rows[q]
    while a < rows[r + 1] and b < rows[q + 1]:
        if edges[2 * a] < edges[2 * b + 1] + slack and edges[2 * b] < edges[2 * a + 1] + slack:
            first, second = _root(parent, a), _root(parent, b)
            if first < second:
                parent[second] = first
            else:
                parent[first] = second
        if edges[2 * a + 1] < edges[2 * b + 1]:
            a += 1
        else:
            b += 1


@njit(cache=True, nogil=True)
def _root(parent: np.ndarray, n: int) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@njit(cache=True, nogil=True)
def _meet(rows: np.ndarray, edges: np.ndarray, component: np.ndarray, lines: np.ndarray, meeting: np.ndarray) -> None:
    for r in range(rows.size - 1):
        for n in range(rows[r], rows[r + 1]):
            i = edges[2 * n]
            while not meeting[component[n]] and i < edges[2 * n + 1]:
                meeting[component[n]] = lines[r, i] != 0
                i += 1


@njit(cache=True, nogil=True)
def _fill(rows: np.ndarray, edges: np.ndarray, values: np.ndarray, out: np.ndarray) -> None:
    for r in range(rows.size - 1):
        for n in range(rows[r], rows[r + 1]):
            out[r, edges[2 * n] : edges[2 * n + 1]] = values[n]
