"""What is kept of each structure."""

import numpy as np

from pipeline.grid import Grid
from pipeline.models.descriptor import Keep
from pipeline.models.keep import kept
from pipeline.volume import Volume


def labels() -> Volume:
    array = np.zeros((4, 8, 8), np.uint8)
    array[1, 1:4, 1:4] = 1  # 9 voxels of 2 mm3
    array[3, 6, 6:8] = 1  # 2 voxels
    array[0, 7, 0] = 1
    array[2, 5, 5] = 2
    return Volume(array, Grid(np.diag([2.0, 1, 1, 1]), array.shape), "labels")


def test_the_largest_or_all_that_are_large_enough_of_that_structure_alone() -> None:
    assert np.count_nonzero(kept(labels(), ()).array == 1) == 12
    assert np.count_nonzero(kept(labels(), [Keep(1, largest=True)]).array == 1) == 9
    assert np.count_nonzero(kept(labels(), [Keep(1, min_mm3=4.0)]).array == 1) == 11
    assert np.count_nonzero(kept(labels(), [Keep(1, min_mm3=4.1)]).array == 1) == 9
    assert np.count_nonzero(kept(labels(), [Keep(1, largest=True, min_mm3=100.0)]).array) == 1
    assert np.count_nonzero(kept(labels(), [Keep(1, largest=True)]).array == 2) == 1
    none = labels().with_array(labels().array * 0)
    assert not kept(none, [Keep(1, largest=True)]).array.any()
