"""Extents: any cut gives the whole, and where a structure touches the border."""

from functools import reduce

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.grid import Grid
from pipeline.tally import Extent, Extents


@given(st.tuples(*[st.integers(1, 9)] * 3), st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 99))
def test_any_cut_gives_the_whole(shape, block, seed):
    grid = Grid(np.eye(4), shape, start=(-3, 0, 8))
    labels = np.random.default_rng(seed).integers(0, 4, shape).astype("u1")
    parts = [Extents.of(np.ascontiguousarray(labels[grid.slices(p)]), p) for p in grid.blocks(block)]
    total = reduce(Extents.__add__, reversed(parts), Extents())
    assert total == Extents.of(labels, grid)
    for label, extent in total.by_label.items():
        at = np.argwhere(labels == label) + grid.start
        assert extent.n_voxels == len(at)
        np.testing.assert_allclose(extent.centroid, at.mean(0), atol=1e-12)
        assert (extent.start, extent.stop) == (tuple(at.min(0)), tuple(at.max(0) + 1))


def test_touching_the_border():
    grid = Grid(np.eye(4), (5, 5, 5), start=(10, 10, 10))
    for at in np.ndindex(5, 5, 5):
        labels = np.zeros(grid.shape, "u1")
        labels[at] = 7
        (extent,) = Extents.of(labels, grid).by_label.values()
        assert extent.touches(grid) == (min(at) == 0 or max(at) == 4)


def test_nothing_is_nowhere():
    grid = Grid(np.eye(4), (2, 2, 2))
    assert Extents.of(np.zeros(grid.shape, "u2"), grid) == Extents() == Extents() + Extents()
    assert Extent().centroid is None
    assert not Extent().touches(grid)
    one = Extent(1, (5, 5, 5), (5, 5, 5), (6, 6, 6))
    assert Extent() + one == one + Extent() == one
