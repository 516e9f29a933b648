"""One-hot labels: against masks interpolated by SciPy, and the compiled form against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from pipeline.kernels.onehot import by_definition, onehot
from pipeline.kernels.tables import spline
from tests.kernels.test_resample import LINES, ROWS, SHAPE, tables


def labels(dtype="uint8", shape=SHAPE, seed=0, most=3):
    return np.random.default_rng(seed).integers(0, most, shape, dtype, endpoint=True)


def test_the_label_with_most_weight_wins():
    x = labels()
    at = np.meshgrid(*(np.arange(n) * s + o for (s, o), n in zip(LINES, ROWS, strict=True)), indexing="ij")
    masks = np.array([map_coordinates((x == label) * 1.0, at, order=1, mode="nearest") for label in range(4)])
    ours = onehot(x, tables(), (0, 0, 0))
    runners_up = np.sort(masks, 0)[-2]
    clear = masks.max(0) - runners_up > 1e-5
    assert clear.mean() > 0.9
    assert np.array_equal(ours[clear], masks.argmax(0)[clear])


@given(st.integers(0, 2**32), st.sampled_from(["uint8", "uint16"]), st.sampled_from([0.25, 0.5, 0.8, 1.7]))
@settings(max_examples=20)
def test_compiled_has_the_bits_of_the_definition(seed, dtype, step):
    x = labels(dtype, (3, 4, 5), seed)
    axes = tables(shape=x.shape, rows=(5, 4, 7), lines=[(step, -0.25), (0.5, 0.0), (step, 0.5)])
    inner = [t.crop(t.run) for t in axes]
    box = tuple(t.run for t in axes)
    assert np.array_equal(onehot(x, axes, (0, 0, 0))[box], by_definition(x, inner))


def test_a_tie_goes_to_the_lower_label_and_beyond_is_background():
    x = np.array([[[9, 4]]], "u2")
    row = spline(0.5, -1.0, 1, (0, 6), (0, 2))
    still = spline(1.0, 0.0, 1, (0, 1), (0, 1))
    assert onehot(x, [still, still, row], (0, 0, 0)).tolist() == [[[0, 9, 9, 4, 4, 4]]]


def test_axes_by_nearest_may_stand_beside():
    x = labels()
    axes = [tables(0)[0], *tables()[1:]]
    assert np.array_equal(onehot(x, axes, (0, 0, 0)), onehot(x[axes[0].index[:, 0]], [plain(7), *axes[1:]], (0, 0, 0)))


def plain(length):
    return spline(1.0, 0.0, 0, (0, length), (0, length))


def test_crops_give_the_same_and_nothing_is_written():
    x = labels()
    x.setflags(write=False)
    padded = np.pad(x, 2)
    expected = onehot(x, tables(), (0, 0, 0))
    assert np.array_equal(onehot(padded, tables(), (-2, -2, -2)), expected)
    assert np.array_equal(onehot(np.asfortranarray(x), tables(), (0, 0, 0)), expected)


def test_refuses():
    with pytest.raises(TypeError, match="labels"):
        onehot(labels().astype("i2"), tables(), (0, 0, 0))
    with pytest.raises(ValueError, match="two"):
        onehot(labels(), [spline(0.5, 0.1, 3, (0, 3), (0, n)) for n in SHAPE], (0, 0, 0))
    with pytest.raises(ValueError, match="beyond"):
        onehot(labels()[1:], tables(), (0, 0, 0))
