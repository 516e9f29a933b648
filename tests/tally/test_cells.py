"""Cells: larger voxels in the middle of a volume; sums of blocks add up to means."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.tally import Cells, CellSums
from pipeline.volume import Volume
from tests.strategies import grids, volumes


@given(grids(), st.floats(0.1, 1e4))
def test_cells_tile_the_middle(grid, size):
    where = Cells.of(grid, size)
    low = [a - s for a, s in zip(where.first, grid.start, strict=True)]
    high = [n - a - m * f for n, a, m, f in zip(grid.shape, low, where.shape, where.factor, strict=True)]
    assert all(0 <= b - a <= 1 for a, b in zip(low, high, strict=True))
    assert all(b < f for b, f in zip(high, where.factor, strict=True))
    assert all(m >= min(n, 4) for m, n in zip(where.shape, grid.shape, strict=True))
    assert where.voxels <= 2**11


def test_edges_are_of_the_size_that_was_asked_for():
    where = Cells.of(Grid(np.diag([6.0, 1.0, 0.5, 1.0]), (20, 100, 300), start=(0, -5, 7)), 4.0)
    assert where == Cells((1, 4, 8), (0, -5, 9), (20, 25, 37))


@given(volumes(), st.tuples(*[st.integers(1, 9)] * 3))
def test_blocks_add_up_to_the_means(volume, block):
    where = Cells.of(volume.grid, 2.0)
    mask = volume.with_array((volume.array > 20).astype("u1"))
    parts = [CellSums.of(volume.crop_to(p), mask.crop_to(p), where) for p in volume.grid.blocks(block)]
    total = reduce(add, parts)
    k, j, i = (
        slice(a - s, a - s + m * f)
        for a, s, m, f in zip(where.first, volume.grid.start, where.shape, where.factor, strict=True)
    )
    shape = [n for pair in zip(where.shape, where.factor, strict=True) for n in pair]
    inside = mask.array[k, j, i].reshape(shape)
    values = volume.array[k, j, i].astype("f8").reshape(shape)
    counts = inside.sum(axis=(1, 3, 5))
    np.testing.assert_array_equal(total.counts, counts)
    means = (values * inside).sum(axis=(1, 3, 5)) / np.maximum(counts, 1)
    np.testing.assert_allclose(total.means, means, rtol=1e-6, atol=1e-6)


def test_labels_have_no_means():
    labels = Volume(np.zeros((2, 2, 2), "u1"), Grid(np.eye(4), (2, 2, 2)), "labels")
    with pytest.raises(KindError):
        CellSums.of(labels, None, Cells.of(labels.grid, 1.0))
