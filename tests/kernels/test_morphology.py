"""Morphology by a ball in mm: SciPy with the same ball, in endless background."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.kernels import bits
from pipeline.kernels.morphology import _by_footprint, ball, closing, dilation, erosion, opening, radius
from tests.kernels import standin

OPERATIONS = {
    dilation: (ndimage.binary_dilation, ("dilate",)),
    erosion: (ndimage.binary_erosion, ("erode",)),
    closing: (ndimage.binary_closing, ("dilate", "erode")),
    opening: (ndimage.binary_opening, ("erode", "dilate")),
}


def structure(radius_mm, spacing):
    """The ball by its definition, offset by offset."""
    reach = [int(radius_mm / s) + 1 for s in spacing]
    k, j, i = np.mgrid[tuple(slice(-n, n + 1) for n in reach)]
    return (k * spacing[0]) ** 2 + (j * spacing[1]) ** 2 + (i * spacing[2]) ** 2 <= radius_mm**2 + 1e-6


def masks(shapes):
    """Blobs and noise, from empty to full."""
    return st.builds(
        lambda shape, seed, share: np.random.default_rng(seed).random(shape) < share,
        shapes,
        st.integers(0, 2**32),
        st.sampled_from([0, 0.01, 0.1, 0.4, 0.8, 1]),
    )


SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3, 8, 63, 64, 65, 127, 130, 200]))
SPACINGS = st.tuples(*[st.sampled_from([0.7, 1.0, 1.1, 2.5])] * 3)


@given(masks(SHAPES))
def test_packing_is_lossless(mask):
    words = bits.pack(mask)
    assert words.shape[2] == -(-mask.shape[2] // 64)
    np.testing.assert_array_equal(bits.unpack(words, mask.shape[2]), mask)


def test_bit_b_of_word_w_is_voxel_64_w_plus_b():
    mask = np.zeros((1, 1, 70), np.uint8)
    mask[0, 0, [1, 65]] = 1
    assert bits.pack(mask).tolist() == [[[2, 2]]]


@given(st.floats(0, 6), st.tuples(*[st.sampled_from([0.7, 1.0, 2.5])] * 3))
def test_the_ball_is_its_definition(radius_mm, spacing):
    made = {(k, j, i) for k, j, half in ball(radius_mm, spacing) for i in range(-half, half + 1)}
    expected = structure(radius_mm, spacing)
    centre = np.array(expected.shape) // 2
    assert made == {tuple(at) for at in (np.argwhere(expected) - centre).tolist()}
    assert radius(ball(radius_mm, spacing)) == tuple(np.abs(np.array(list(made))).max(axis=0))


def test_a_radius_of_whole_voxels_is_that_many_voxels():
    for n in range(1, 30):
        assert radius(ball(n * 0.7, (0.7, 0.1, 0.3)))[0] == n


def check_against_scipy(operation, mask, radius_mm, spacing):
    element = structure(radius_mm, spacing)
    margin = [(n, n) for n in element.shape]
    oracle, steps = OPERATIONS[operation]
    expected = oracle(np.pad(mask, margin), element)
    inside = tuple(slice(n, n + length) for (n, _), length in zip(margin, mask.shape, strict=True))
    made = operation(mask, ball(radius_mm, spacing))
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, expected[inside])
    with standin.cucim():
        twin = _by_footprint(mask, ball(radius_mm, spacing), steps)
    assert twin.dtype == np.uint8
    np.testing.assert_array_equal(twin, made)


@given(st.sampled_from(list(OPERATIONS)), masks(SHAPES), st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.3]), SPACINGS)
@settings(max_examples=100)
def test_equals_scipy_in_endless_background(operation, mask, radius_mm, spacing):
    check_against_scipy(operation, mask, radius_mm, spacing)


@pytest.mark.parametrize("share", [0.003, 0.01])
def test_rows_wider_than_a_word(share):
    mask = np.random.default_rng(5).random((2, 3, 900)) < share
    check_against_scipy(closing, mask, 2.0, (5.0, 1.5, 0.01))


@given(masks(SHAPES))
def test_holds_the_mask_and_does_nothing_twice(mask):
    element = ball(2.0, (1, 1, 1))
    once = closing(mask, element)
    assert (once >= mask).all()
    np.testing.assert_array_equal(closing(once, element), once)


@given(masks(SHAPES))
def test_an_opening_is_held_by_the_mask_and_does_nothing_twice(mask):
    element = ball(1.0, (1, 1, 1))
    once = opening(mask, element)
    assert (once <= mask).all()
    np.testing.assert_array_equal(opening(once, element), once)


def test_does_not_write_its_input():
    mask = np.eye(9, dtype=np.uint8)[None]
    mask.flags.writeable = False
    for operation in OPERATIONS:
        operation(mask, ball(2, (1, 1, 1)))


def test_refuses_what_is_no_mask():
    with pytest.raises(TypeError, match="int16"):
        closing(np.zeros((1, 1, 1), np.int16), ball(1, (1, 1, 1)))
