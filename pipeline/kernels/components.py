"""Connected components of a mask: voxels that share a face belong together.

Rows are cut into runs, runs that touch are united in a forest whose roots are the first run of their
component in C order, so numbers and ties depend on the mask alone.  The forest is the classic one:
R. E. Tarjan, Efficiency of a good but not linear set union algorithm, J. ACM 22(2), 1975.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from pipeline.kernels import bits


def count(mask: np.ndarray) -> int:
    """Number of components of a uint8 or bool mask [k, j, i]."""
    root = _forest(mask)[2]
    return int(np.count_nonzero(root == np.arange(root.size)))


def largest(mask: np.ndarray) -> np.ndarray:
    """The component with the most voxels as uint8 [k, j, i] of 0 and 1; all 0 where there is none.

    Of several of that size it is the one that comes first in C order.
    """
    rows, edges, root = _forest(mask)
    sizes = np.zeros(root.size, np.int64)
    np.add.at(sizes, root, edges[1::2] - edges[:-1:2])
    chosen = root == sizes.argmax() if root.size else np.zeros(0, np.bool_)
    return _paint(rows, edges, chosen.astype(np.uint8), mask.shape)


def label(mask: np.ndarray) -> np.ndarray:
    """int32 [k, j, i]: 0 outside the mask, then components 1, 2, ... in C order of their first voxel."""
    rows, edges, root = _forest(mask)
    numbers = np.cumsum(root == np.arange(root.size), dtype=np.int32)
    return _paint(rows, edges, numbers[root], mask.shape)


def _forest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs and the first run of the component of each: ``(rows, edges, root)``.

    Row r, counted in C order, holds the runs ``rows[r]`` to ``rows[r + 1]``; run n the voxels
    ``edges[2 n]`` to ``edges[2 n + 1]`` of its row.
    """
    words = bits.pack(mask)
    k, j, w = words.shape
    rows, edges = _runs(words.reshape(k * j, w), mask.shape[2])
    return rows, edges, _unite(rows, edges, j)


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
def _unite(rows: np.ndarray, edges: np.ndarray, nj: int) -> np.ndarray:
    """First run of the component of each run; a row touches the one before it in j and in k."""
    parent = np.arange(edges.size // 2)
    for r in range(rows.size - 1):
        if r % nj > 0:
            _join(rows, edges, parent, r, r - 1)
        if r >= nj:
            _join(rows, edges, parent, r, r - nj)
    for n in range(parent.size):  # a parent always comes first, so one pass flattens the forest
        parent[n] = parent[parent[n]]
    return parent


@njit(cache=True, nogil=True)
def _join(rows: np.ndarray, edges: np.ndarray, parent: np.ndarray, r: int, q: int) -> None:
    """Unite the runs of rows r and q that overlap along i."""
    a, b = rows[r], rows[q]
    while a < rows[r + 1] and b < rows[q + 1]:
        if edges[2 * a] < edges[2 * b + 1] and edges[2 * b] < edges[2 * a + 1]:
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


def _paint(rows: np.ndarray, edges: np.ndarray, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, values.dtype)
    _fill(rows, edges, values, out.reshape(shape[0] * shape[1], shape[2]))
    return out


@njit(cache=True, nogil=True)
def _fill(rows: np.ndarray, edges: np.ndarray, values: np.ndarray, out: np.ndarray) -> None:
    for r in range(rows.size - 1):
        for n in range(rows[r], rows[r + 1]):
            out[r, edges[2 * n] : edges[2 * n + 1]] = values[n]
