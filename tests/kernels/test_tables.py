"""Tables: rows are pure functions of their index, and interpolate as NumPy's own float64 interpolation does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.kernels.tables import antialiasing, area, gaussian, prefilter, smoothed, spline

steps = st.floats(0.1, 4) | st.floats(-4, -0.1)
offsets, orders = st.floats(-20, 20), st.sampled_from([0, 1])
borders = st.sampled_from(["mirror", "nearest"])
bounds = st.tuples(st.integers(-20, 20), st.integers(1, 30)).map(lambda b: (b[0], b[0] + b[1]))


OPERATORS = {
    "nearest": lambda step, offset, rows, bounds: spline(step, offset, 0, rows, bounds),
    "linear": lambda step, offset, rows, bounds: spline(step, offset, 1, rows, bounds),
    "cubic": lambda step, offset, rows, bounds: spline(step, offset, 3, rows, bounds),
    "cubic, nearest": lambda step, offset, rows, bounds: spline(step, offset, 3, rows, bounds, "nearest"),
    "area": area,
    "gaussian": lambda step, offset, rows, bounds: gaussian(abs(step), rows, bounds),
    "smoothed": lambda step, offset, rows, bounds: smoothed(spline(step, offset, 1, rows, bounds), abs(step), bounds),
}


def applied(table, values, low=0):
    return (values[table.index - low] * table.weights).sum(1)


@given(
    steps,
    offsets,
    st.sampled_from(sorted(OPERATORS)),
    bounds,
    st.integers(-30, 30),
    st.tuples(*[st.integers(0, 20)] * 2),
)
@settings(max_examples=60)
def test_a_row_does_not_depend_on_the_rows_asked_for(step, offset, name, bounds, start, ends):
    skip, count = ends
    whole = OPERATORS[name](step, offset, (start, start + 40), bounds)
    part = OPERATORS[name](step, offset, (start + skip, start + skip + count), bounds)
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


@given(steps, offsets, st.sampled_from(sorted(OPERATORS)), bounds)
def test_rows_of_many_taps_follow_one_another_within_the_bounds(step, offset, name, bounds):
    table = OPERATORS[name](step, offset, (bounds[0], bounds[1]) if name == "gaussian" else (-30, 30), bounds)
    assert table.index.min() >= bounds[0]
    assert table.index.max() < bounds[1]
    assert table.taps <= max(bounds[1] - bounds[0], 2)
    assert name == "linear" or (np.diff(table.index) == 1).all()
    np.testing.assert_allclose(table.weights.sum(1), 1, atol=1e-12)


@given(steps, offsets, st.integers(1, 30), borders)
def test_cubic_rows_are_scipys_borders_included(step, offset, length, border):
    values = np.random.default_rng(0).uniform(0, 1, length)
    table = spline(step, offset, 3, (-30, 30), (0, length), border)
    position = np.arange(-30, 30) * step + offset
    expected = ndimage.map_coordinates(values, [position], order=3, mode=border)
    np.testing.assert_allclose(applied(table, values)[table.inside], expected[table.inside], atol=1e-6)


@pytest.mark.parametrize("border", ["mirror", "nearest"])
def test_what_the_cubic_cuts_off_is_6e_minus_7_of_the_range_at_worst(border):
    """Half the sum of the absolute differences in weights: no source between 0 and 1 can differ by more."""
    length, step = 40, 0.0373
    table = spline(step, -0.5, 3, (0, 1072), (0, length), border)
    ours, theirs = np.zeros((1072, length)), np.empty((1072, length))
    np.add.at(ours, (np.arange(1072)[:, None], table.index), table.weights)
    for n, one in enumerate(np.eye(length)):
        theirs[:, n] = ndimage.map_coordinates(one, [np.arange(1072) * step - 0.5], order=3, mode=border)
    assert abs(ours - theirs)[table.inside].sum(1).max() / 2 < 6e-7


def test_cubic_at_a_voxel_is_the_voxel():
    values = np.random.default_rng(0).normal(size=40)
    assert np.array_equal(applied(spline(2.0, 0.0, 3, (0, 20), (0, 40)), values), values[::2])
    assert spline(1.0, 3.0, 3, (0, 20), (0, 40)).taps == 1


@given(st.integers(4, 30))
def test_prefilter_gives_the_coefficients_that_scipy_solves_for_and_goes_on_beyond_the_bounds(length):
    values = np.random.default_rng(0).uniform(0, 1, length)
    made = applied(prefilter((-3, length + 3), (0, length)), values)
    expected = ndimage.spline_filter1d(values, 3, mode="mirror")
    np.testing.assert_allclose(made, np.pad(expected, 3, mode="reflect"), atol=1e-5)


@given(st.floats(0.2, 7), st.floats(-0.5, 3), st.integers(1, 20))
def test_area_is_the_average_over_the_cell(step, offset, length):
    values = np.random.default_rng(0).normal(size=length)
    table = area(step, offset, (0, 12), (0, length))
    integral = np.concatenate([[0], values.cumsum()])
    ends = np.arange(12) * step + offset + np.array([[-0.5], [0.5]]) * step
    begin, end = np.clip(ends, -0.5, length - 0.5)
    faces = np.arange(length + 1) - 0.5
    inside = table.inside & (end - begin > 1e-3)
    expected = (np.interp(end, faces, integral) - np.interp(begin, faces, integral))[inside] / (end - begin)[inside]
    np.testing.assert_allclose(applied(table, values)[inside], expected, atol=1e-5)


@given(st.just(0.0) | st.floats(0.01, 4), st.integers(1, 30))
def test_gaussian_is_scipys(sigma, length):
    values = np.random.default_rng(0).normal(size=length)
    made = applied(gaussian(sigma, (0, length), (0, length)), values)
    np.testing.assert_allclose(made, ndimage.gaussian_filter1d(values, sigma, mode="nearest") if sigma else values)


@given(steps, offsets, st.sampled_from([0, 1, 3]), st.floats(0, 3), st.integers(1, 30))
def test_smoothed_is_smoothing_and_then_the_table(step, offset, order, sigma, length):
    values = np.random.default_rng(0).normal(size=length)
    table = spline(step, offset, order, (-20, 20), (0, length))
    first = applied(gaussian(sigma, (0, length), (0, length)), values)
    both = smoothed(table, sigma, (0, length))
    np.testing.assert_allclose(applied(both, values), applied(table, first), atol=1e-12)
    assert np.array_equal(both.inside, table.inside)


def test_antialiasing_is_cardosos_sigma():
    assert antialiasing(2.5) == pytest.approx(np.sqrt(2.5**2 - 1) / (2 * np.sqrt(2 * np.log(2))))
    assert antialiasing(-2.5) == antialiasing(2.5)
    assert antialiasing(1.0) == 0


@pytest.mark.parametrize(("order", "bounds", "word"), [(2, (0, 4), "order"), (1, (4, 4), "voxel")])
def test_refuses(order, bounds, word):
    with pytest.raises(ValueError, match=word):
        spline(1.0, 0.0, order, (0, 1), bounds)
    for operator in (prefilter, lambda rows, bounds: area(1.0, 0.0, rows, bounds), lambda *a: gaussian(1.0, *a)):
        with pytest.raises(ValueError, match="voxel"):
            operator((0, 1), (4, 4))
    with pytest.raises(ValueError, match="sigma"):
        gaussian(-1.0, (0, 1), (0, 4))


def test_tables_are_shared_and_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        spline(1.0, 0.0, 1, (0, 4), (0, 4)).index[0] = 7
