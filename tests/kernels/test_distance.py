"""Distance to a mask: SciPy's exact transform in float64 as oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.kernels.distance import TILE, _by_cucim, _quotient, distance, squares
from tests.kernels import standin

MASKS = st.builds(
    lambda shape, seed, share: np.random.default_rng(seed).random(shape) < share,
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 2, 7, TILE - 1, TILE, TILE + 1])),
    st.integers(0, 2**32),
    st.sampled_from([0.002, 0.05, 0.5, 0.95, 1]),
)
SPACINGS = st.tuples(*[st.floats(0.05, 9)] * 3)


@given(MASKS, SPACINGS)
def test_equals_scipy(mask, spacing):
    made = distance(mask, spacing)
    assert made.dtype == np.float32
    if not mask.any():
        assert np.isinf(made).all()
        return
    expected = ndimage.distance_transform_edt(~mask, spacing)
    np.testing.assert_allclose(made, expected, rtol=2**-23)
    with standin.cucim():
        np.testing.assert_allclose(_by_cucim(mask, spacing), made, rtol=2**-22)


@given(MASKS, SPACINGS, st.data())
@settings(max_examples=50)
def test_a_piece_that_holds_the_nearest_voxel_gives_the_same_bits(mask, spacing, data):
    whole = distance(mask, spacing)
    low = [data.draw(st.integers(0, n - 1)) for n in mask.shape]
    box = tuple(slice(a, data.draw(st.integers(a + 1, n))) for a, n in zip(low, mask.shape, strict=True))
    piece = distance(mask[box], spacing, mask.shape)
    assert (piece >= whole[box]).all()
    same = np.isclose(piece, whole[box], rtol=1e-5)
    assert piece[same].tobytes() == whole[box][same].tobytes()


def test_of_one_voxel_it_is_the_root_of_the_squares():
    mask = np.zeros((9, 80, 70), np.uint8)
    mask[3, 77, 5] = 1
    k, j, i = np.indices(mask.shape)
    expected = np.sqrt((2.5 * (k - 3)) ** 2 + (0.7 * (j - 77)) ** 2 + (0.9 * (i - 5)) ** 2)
    np.testing.assert_allclose(distance(mask, (2.5, 0.7, 0.9)), expected, rtol=2**-23)


def test_whole_numbers_are_exact():
    """3, 4, 5: no rounding where there is none in the truth."""
    mask = np.zeros((1, 4, 5), np.uint8)
    mask[0, 0, 0] = 1
    assert distance(mask, (1.0, 1.0, 1.0))[0, 3, 4] == 5


@given(st.integers(0, 65535), st.integers(1, 65535), st.integers(2**18, 2**30), st.sampled_from([-1, 0, 1]))
def test_the_quotient_is_exact(quotient, steps, weight, more):
    divisor = 2 * weight * steps
    number = quotient * divisor + more
    assert _quotient(number, divisor, 1.0 / (2.0 * weight * steps)) == number // divisor


@given(st.tuples(*[st.floats(0.3, 5)] * 3), st.tuples(*[st.integers(1, 2048)] * 3))
def test_squares_are_fine_and_their_sums_fit(spacing, lengths):
    *steps, unit = squares(spacing, lengths)
    assert sum(n * n * w for n, w in zip(lengths, steps, strict=True)) < 2**62
    np.testing.assert_allclose([w * unit for w in steps], np.square(spacing), rtol=2**-27)


def test_refuses_an_axis_that_offsets_cannot_span():
    with pytest.raises(ValueError, match="65536"):
        distance(np.broadcast_to(np.uint8(1), (1, 1, 65536)), (1, 1, 1))


def test_does_not_write_its_input():
    mask = np.eye(5, dtype=np.uint8)[None]
    mask.flags.writeable = False
    distance(mask, (1, 1, 1))
    assert distance(np.zeros((0, 2, 2), np.uint8), (1, 1, 1)).shape == (0, 2, 2)
