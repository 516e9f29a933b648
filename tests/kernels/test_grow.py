"""How far a region reaches: every distance by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kernels.grow import within

INDEX = st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 6))


@given(st.lists(INDEX, min_size=1, max_size=3), st.sets(INDEX, max_size=6), st.floats(0.1, 12))
def test_is_the_farthest_of_the_nearest(seeds, voxels, radius_mm):
    spacing = (2.5, 0.7, 1.1)
    region = np.zeros((5, 6, 7), np.uint8)
    for at in voxels:
        region[at] = 1
    apart = [min(np.linalg.norm(np.subtract(at, seed) * spacing) for seed in seeds) for at in voxels]
    assert within(region, seeds, spacing, radius_mm) == (max(apart, default=0) <= radius_mm)


def test_a_radius_of_whole_voxels_holds_that_many():
    region = np.ones((1, 1, 4), np.uint8)
    assert within(region, [(0, 0, 0)], (1, 1, 0.7), 3 * 0.7)
    assert not within(region, [(0, 0, 0)], (1, 1, 0.7), 2.09)
