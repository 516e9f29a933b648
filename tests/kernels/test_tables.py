"""Tables: rows are pure functions of their index, and interpolate as NumPy's own float64 interpolation does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kernels.tables import spline

steps = st.floats(0.1, 4) | st.floats(-4, -0.1)
offsets, orders = st.floats(-20, 20), st.sampled_from([0, 1])
bounds = st.tuples(st.integers(-20, 20), st.integers(1, 30)).map(lambda b: (b[0], b[0] + b[1]))


@given(steps, offsets, orders, bounds, st.integers(-30, 30), st.integers(0, 20), st.integers(0, 20))
def test_a_row_does_not_depend_on_the_rows_asked_for(step, offset, order, bounds, start, skip, count):
    whole = spline(step, offset, order, (start, start + 40), bounds)
    part = spline(step, offset, order, (start + skip, start + skip + count), bounds)
    for column in ("index", "weights", "inside"):
        assert np.array_equal(getattr(whole, column)[skip : skip + count], getattr(part, column))


@given(steps, offsets, bounds)
def test_linear_rows_interpolate(step, offset, bounds):
    low, high = bounds
    values = np.random.default_rng(0).normal(size=high - low)
    table = spline(step, offset, 1, (-30, 30), bounds)
    position = np.arange(-30, 30) * step + offset
    expected = np.interp(position, np.arange(low, high), values)  # clamps at both ends
    np.testing.assert_allclose((values[table.index - low] * table.weights).sum(1), expected, atol=1e-7)
    outside = np.maximum(low - position, position - (high - 1))
    assert table.inside[outside < 0.5].all()
    assert not table.inside[outside > 0.50001].any()


@given(steps, offsets, orders, bounds)
def test_rows_keep_to_the_bounds_and_sum_to_one(step, offset, order, bounds):
    table = spline(step, offset, order, (-30, 30), bounds)
    assert table.index.min() >= bounds[0]
    assert table.index.max() < bounds[1]
    assert (table.weights.sum(1) == 1).all()
    assert (table.weights >= 0).all()
    assert table.inside.sum() == table.run.stop - table.run.start  # one run


@given(st.integers(-50, 50), st.floats(-1e-10, 1e-10))
def test_nearest_takes_the_upper_voxel_midway_whatever_the_noise(t, noise):
    assert spline(2.0, 0.5 + noise, 0, (t, t + 1), (-200, 200)).index.item() == 2 * t + 1


def test_nearest_takes_the_nearest():
    assert spline(0.3, 0, 0, (0, 8), (0, 3)).index.ravel().tolist() == [0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(("beyond", "inside"), [(0.5, True), (0.5 + 9e-7, True), (0.5 + 1.1e-6, False), (0.6, False)])
def test_half_a_voxel_outside_is_still_the_border(order, beyond, inside):
    assert spline(1.0, 3 - beyond, order, (0, 1), (3, 8)).inside.item() is inside
    assert spline(1.0, 7 + beyond, order, (0, 1), (3, 8)).inside.item() is inside


def test_noise_of_a_frame_leaves_the_identity_alone():
    table = spline(1 + 1e-15, -1e-12, 1, (0, 500), (0, 500))
    assert (table.index[:, 0] == np.arange(500)).all()
    assert (table.weights[:, 0] == 1).all()


def test_span_is_what_inside_rows_look_at():
    assert spline(1.0, -2.0, 1, (0, 5), (0, 9)).span == (0, 4)
    assert spline(1.0, 50.0, 1, (0, 5), (0, 9)).span == (8, 9)


@pytest.mark.parametrize(("order", "bounds", "word"), [(2, (0, 4), "order"), (1, (4, 4), "voxel")])
def test_refuses(order, bounds, word):
    with pytest.raises(ValueError, match=word):
        spline(1.0, 0.0, order, (0, 1), bounds)


def test_tables_are_shared_and_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        spline(1.0, 0.0, 1, (0, 4), (0, 4)).index[0] = 7
