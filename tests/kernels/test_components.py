"""Components of voxels that share faces: SciPy and SimpleITK as oracles."""

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.kernels.components import _in_c_order, by_size, count, find, label, largest, painted
from tests.kernels import standin

SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 7), st.sampled_from([1, 2, 7, 63, 64, 65, 128, 150]))
MASKS = st.builds(
    lambda shape, seed, share: np.random.default_rng(seed).random(shape) < share,
    SHAPES,
    st.integers(0, 2**32),
    st.sampled_from([0, 0.05, 0.25, 0.4, 0.6, 0.9, 1]),
)


@given(MASKS)
def test_equals_scipy(mask):
    expected, n = ndimage.label(mask)
    made = label(mask)
    assert count(mask) == n == made.max()
    assert made.dtype == np.int32
    # The same parts: each number of the one goes with one number of the other.
    assert len(set(zip(made.flat, expected.flat, strict=True))) == n + bool((~mask).any())


@given(MASKS, st.sampled_from([4, 6, 26]))
def test_every_connectivity_equals_scipy(mask, connectivity):
    structure = np.ones((3, 3, 3)) if connectivity == 26 else ndimage.generate_binary_structure(3, 1)
    if connectivity == 4:
        structure[[0, 2]] = 0
    expected, n = ndimage.label(mask, structure)
    made = label(mask, connectivity)
    assert made.max() == n
    assert len(set(zip(made.flat, expected.flat, strict=True))) == n + bool((~mask).any())


@given(MASKS, MASKS, st.sampled_from([4, 6, 26]), st.sets(st.integers(0, 2)))
def test_the_tables_are_what_the_labels_say(mask, other, connectivity, axes):
    found, labels = find(mask, connectivity), label(mask, connectivity)
    numbers = range(1, found.count + 1)
    assert found.sizes().tolist() == [np.count_nonzero(labels == n) for n in numbers]
    ends = [labels.take(at, axis) for axis in axes for at in (0, -1)]
    assert found.touching(tuple(axes)).tolist() == [any((end == n).any() for end in ends) for n in numbers]
    other = np.resize(other, mask.shape)
    assert found.meeting(other).tolist() == [bool(other[labels == n].any()) for n in numbers]


@given(MASKS, MASKS, st.sampled_from([4, 6, 26]), st.sets(st.integers(0, 2)))
def test_whole_array_operations_find_the_same(mask, other, connectivity, axes):
    found = find(mask, connectivity)
    with standin.cucim():
        twin = painted(mask, connectivity)
    other = np.resize(other, mask.shape)
    assert twin.count == found.count
    values = np.arange(3, found.count + 3, dtype=np.uint16)
    for mine, theirs in (
        (found.sizes(), twin.sizes()),
        (found.touching(tuple(axes)), twin.touching(tuple(axes))),
        (found.meeting(other), twin.meeting(other)),
        (found.paint(values), twin.paint(values)),
    ):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


def test_numbers_of_another_order_are_brought_into_ours():
    labels = np.array([[[0, 7, 0, 2], [2, 0, 7, 5]]])
    assert _in_c_order(labels).ravel().tolist() == [0, 1, 0, 2, 2, 0, 1, 3]


def test_order_by_size_is_stable():
    assert by_size(np.array([2, 9, 1, 9, 2])).tolist() == [1, 3, 0, 4, 2]


@given(MASKS)
def test_numbers_follow_c_order(mask):
    numbers, first = np.unique(label(mask), return_index=True)
    in_mask = first[numbers > 0]
    assert (np.diff(in_mask) > 0).all()


@given(MASKS)
def test_the_largest_is_the_largest(mask):
    labels, n = ndimage.label(mask)
    made = largest(mask)
    assert made.dtype == np.uint8
    if n == 0:
        assert not made.any()
        return
    sizes = np.bincount(labels.ravel())[1:]
    assert made.sum() == sizes.max()
    ties = 1 + np.flatnonzero(sizes == sizes.max())
    first = min(ties, key=lambda number: np.flatnonzero(labels == number)[0])
    np.testing.assert_array_equal(made, labels == first)


def test_equals_simpleitk_on_smooth_shapes():
    rng = np.random.default_rng(3)
    mask = (ndimage.gaussian_filter(rng.normal(size=(40, 60, 70)), 1.5) > 0.05).astype(np.uint8)
    parts = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(mask)))
    expected = SimpleITK.GetArrayFromImage(parts)
    assert count(mask) == expected.max() > 5
    np.testing.assert_array_equal(largest(mask), expected == 1)


def test_rings_that_meet_in_the_last_slice_are_one():
    """The forest has to join whole trees, not runs."""
    mask = np.zeros((3, 41, 41), np.uint8)
    for n in range(0, 20, 2):
        mask[1, n : 41 - n, n : 41 - n] = 1
        mask[1, n + 1 : 40 - n, n + 1 : 40 - n] = 0
    rings = count(mask)
    mask[2, 20] = 1
    assert (rings, count(mask)) == (10, 1)


@pytest.mark.parametrize(("mask", "n"), [([1, 0, 1], 2), ([0, 0, 0], 0), ([1, 1, 1], 1)])
def test_of_equals_the_first_is_kept(mask, n):
    mask = np.array([[mask]], np.uint8)
    assert count(mask) == n
    assert largest(mask).ravel().tolist() == [min(n, 1), int(n == 1), int(n == 1)]


def test_edges_and_corners_do_not_connect():
    mask = np.zeros((2, 2, 2), np.uint8)
    mask[0, 0, 0] = mask[0, 1, 1] = mask[1, 0, 1] = 1
    assert count(mask) == 3


def test_an_array_without_voxels_has_no_component():
    for shape in [(0, 3, 3), (3, 0, 3), (3, 3, 0)]:
        assert count(np.zeros(shape, np.uint8)) == 0
        assert largest(np.zeros(shape, np.uint8)).shape == shape
        with standin.cucim():
            assert painted(np.zeros(shape, np.uint8), 6).touching((0, 1, 2)).size == 0


def test_refuses_what_is_no_mask():
    with standin.cucim():
        for search in (find, painted):
            with pytest.raises(TypeError, match="int16"):
                search(np.zeros((1, 1, 1), np.int16), 6)
