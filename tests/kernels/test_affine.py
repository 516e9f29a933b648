"""General resampling kernel: against SciPy in float64, its own definition to the bit, at and beyond the border."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.kernels import intensity
from pipeline.kernels.affine import affine, inside, reach, whole
from pipeline.kernels.bend import bend, control
from pipeline.kernels.positions import Positions
from pipeline.kernels.ramp import window
from pipeline.kernels.tables import GRAIN

SHAPE, ROWS = (9, 12, 14), (8, 11, 21)
SKEWED = np.array([[0.9, 0.2, -0.1, 0.4], [-0.15, 0.8, 0.22, 0.3], [0.3, -0.12, 0.62, 1.1]])
DTYPES = ("int16", "uint16", "uint8", "float32")


def noise(dtype, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 400, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)


def box(shape, start=(0, 0, 0)):
    return tuple((a, a + n) for a, n in zip(start, shape, strict=True))


def bent(rows, stride=5.0, size=0.8):
    """The same control points whatever rows are asked for."""
    ends = [control(stride, line) for line in rows]
    at = np.meshgrid(*(np.arange(a, b) for a, b in ends), indexing="ij")
    points = np.stack([np.sin(at[0] * 2.1 + at[1] * (n + 1) - at[2] * 0.7) for n in range(3)]) * size
    return bend(points, [a for a, _ in ends], (stride,) * 3, rows)


TARGET = box(ROWS)


def positions(matrix=SKEWED, rows=TARGET, shape=SHAPE, curved=False):
    return Positions(matrix, rows, box(shape), bent(rows) if curved else None)


def by_definition(x, at, order, dtype=None, ramp=None, fill=-7):
    """The whole-array body that a GPU runs, here on NumPy."""
    from unittest.mock import patch

    with patch("pipeline.kernels.affine._compiled", whole):
        return affine(x, at, (0, 0, 0), order=order, dtype=dtype, ramp=ramp, fill=fill)


def scipys(x, at, order):
    """float64, and which voxels lie inside."""
    places = [np.rint(p * GRAIN) / GRAIN for p in at.arrays()]
    within = [(p >= -0.5 - 1e-6) & (p <= n - 0.5 + 1e-6) for p, n in zip(places, x.shape, strict=True)]
    mode = "mirror" if order == 3 else "nearest"
    return ndimage.map_coordinates(x.astype("f8"), places, order=order, mode=mode), within[0] & within[1] & within[2]


@pytest.mark.parametrize("curved", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("order", "tolerance"), [(1, 1e-6), (3, 1e-5)])
def test_interpolation_is_scipys(order, tolerance, dtype, curved):
    x, at = noise(dtype), positions(curved=curved)
    expected, within = scipys(x, at, order)
    assert 0.2 < within.mean() < 0.98
    extent = float(x.max()) - float(x.min())
    made = affine(x, at, (0, 0, 0), order=order, fill=-7, dtype="f4")
    np.testing.assert_allclose(made[within], expected[within], atol=tolerance * extent)
    assert (made[~within] == -7).all()
    assert np.array_equal(inside(at), within)
    if dtype != "float32":
        info, stored = np.iinfo(dtype), affine(x, at, (0, 0, 0), order=order, fill=7)
        clear = within & (abs(expected % 1 - 0.5) > 0.4 * (order == 3) + 0.02)
        assert np.array_equal(stored[clear], np.rint(expected[clear]).clip(info.min, info.max).astype(dtype))


@pytest.mark.parametrize("curved", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "bool", "int16", "uint32", "int64", "float16", "float32", "float64"])
def test_nearest_moves_bits_of_any_dtype(dtype, curved):
    x, at = noise("uint8").astype(dtype), positions(curved=curved)
    _, within = scipys(x, at, 1)
    near = [
        np.floor(p.clip(0, n - 1) + 0.5).astype(int)
        for p, n in zip((np.rint(p * GRAIN) / GRAIN for p in at.arrays()), x.shape, strict=True)
    ]
    made = affine(x, at, (0, 0, 0), order=0, fill=0)
    assert made.dtype == x.dtype
    assert np.array_equal(made[within], x[tuple(near)][within])
    assert not made[~within].any()


@pytest.mark.parametrize("curved", [False, True])
@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("made", ["float16", "float32", "uint8", None])
def test_compiled_has_the_bits_of_the_definition_and_fused_those_of_two_steps(dtype, made, order, curved):
    x, at = noise(dtype), positions(curved=curved)
    ramp = window(40, 300, made) if made else None
    ours = affine(x, at, (0, 0, 0), order=order, fill=-7, ramp=ramp)
    assert ours.tobytes() == by_definition(x, at, order, ramp=ramp).tobytes()
    if ramp:
        assert ours.tobytes() == intensity.ramp(affine(x, at, (0, 0, 0), order=order, fill=-7), ramp).tobytes()
    elif order:
        for kept in ("float32", "float16"):
            with np.errstate(over="ignore"):
                theirs = by_definition(x, at, order, kept)
            assert affine(x, at, (0, 0, 0), order=order, fill=-7, dtype=kept).tobytes() == theirs.tobytes()


@given(st.integers(0, 2**32), st.sampled_from([0, 1, 3]), st.booleans(), st.booleans(), st.data())
@settings(max_examples=60)
def test_any_cut_of_rows_and_of_the_source_gives_the_whole(seed, order, curved, smooth, data):
    rng = np.random.default_rng(seed)
    shape, rows = tuple(rng.integers(1, 10, 3)), tuple(rng.integers(1, 9, 3))
    first, origin = rng.integers(-6, 6, 3), rng.integers(-6, 6, 3)
    linear = rng.normal(0, 0.7, (3, 3))
    offset = origin + np.array(shape) / 2 - linear @ (first + np.array(rows) / 2)
    matrix, bounds = np.c_[linear, offset], box(shape, origin)
    x, sigma = noise("int16", shape, seed), (0.4, 0.0, 1.1) if smooth else (0.0, 0.0, 0.0)

    def at(lines):
        return Positions(matrix, lines, bounds, bent(lines) if curved else None)

    everything = affine(x, at(box(rows, first)), origin, order=order, sigma=sigma, fill=-7)
    low = [data.draw(st.integers(0, n - 1)) for n in rows]
    high = [data.draw(st.integers(a + 1, n)) for a, n in zip(low, rows, strict=True)]
    piece = at(tuple((int(a + f), int(b + f)) for a, b, f in zip(low, high, first, strict=True)))
    spans = reach(piece, order, sigma)
    assert all(a >= lo and a < b <= hi for (a, b), (lo, hi) in zip(spans, bounds, strict=True))
    seen = x[tuple(slice(a - o, b - o) for (a, b), o in zip(spans, origin, strict=True))]
    made = affine(seen, piece, [a for a, _ in spans], order=order, sigma=sigma, fill=-7)
    assert made.tobytes() == everything[tuple(map(slice, low, high))].tobytes()


def test_smoothing_before_is_scipys():
    x, at, sigma = noise("float32"), positions(), (0.7, 0.0, 1.3)
    smooth = ndimage.gaussian_filter(x.astype("f8"), sigma, mode="nearest")
    for order, tolerance in ((1, 1e-6), (3, 1e-5)):
        expected, within = scipys(smooth, at, order)
        made = affine(x, at, (0, 0, 0), order=order, sigma=sigma, fill=0)
        np.testing.assert_allclose(made[within], expected[within], atol=tolerance * 3000)


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_beyond_half_a_voxel_is_fill_on_both_sides(order, axis):
    matrix = np.eye(3, 4)
    matrix[axis] *= 0.25
    matrix[axis, 3] = -1.0  # rows 2..18 lie within half a voxel
    rows = [4, 4, 4]
    rows[axis] = 21
    x = noise("int16", (4, 4, 4))
    made = np.moveaxis(affine(x, positions(matrix, box(rows), x.shape), (0, 0, 0), order=order, fill=-1024), axis, 0)
    border = np.moveaxis(x, axis, 0)
    assert (made[:2] == -1024).all()
    assert (made[19:] == -1024).all()
    if order < 3:  # a cubic goes on beyond the outermost centres
        assert (made[2:5] == border[0]).all()
        assert (made[16:19] == border[-1]).all()


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("value", [-1000.25, 0.1, 3.4e38, 1e-42])
def test_a_constant_stays_constant_to_the_bit(value, order):
    x, at = np.full(SHAPE, value, "f4"), positions(curved=True)
    made = affine(x, at, (0, 0, 0), order=order, fill=0)
    assert (made[inside(at) == 1] == x[0, 0, 0]).all()


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("shape", [(1, 9, 9), (1, 1, 1), (2, 1, 3)])
def test_single_slices_and_lines(order, shape):
    x, at = noise("int16", shape), positions(shape=shape)
    expected, within = scipys(x, at, order)
    made = affine(x, at, (0, 0, 0), order=order, fill=0, dtype=None if order == 0 else "f4")
    clear = within if order else within & np.all([abs(p % 1 - 0.5) > 1e-6 for p in at.arrays()], axis=0)
    np.testing.assert_allclose(made[clear], expected[clear], atol=0.7)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_layouts_give_the_same_bits_and_input_is_not_written(order):
    x, at = noise("int16"), positions()
    kept = x.copy()
    x.setflags(write=False)
    expected = affine(x, at, (0, 0, 0), order=order, fill=-7)
    padded = np.pad(x, 2)
    for y in (padded[2:-2, 2:-2, 2:-2], np.asfortranarray(x), x[::-1].copy()[::-1]):
        assert np.array_equal(affine(y, at, (0, 0, 0), order=order, fill=-7), expected)
    room = np.full([n + 4 for n in ROWS], 7, expected.dtype)
    out = room[2:-2, 2:-2, 2:-2]
    assert affine(x, at, (0, 0, 0), order=order, fill=-7, out=out) is out
    assert np.array_equal(out, expected)
    out[:] = 7
    assert (room == 7).all()
    assert np.array_equal(x, kept)


def test_a_bend_is_the_sum_of_its_splines():
    rows = ((-3, 4), (0, 6), (2, 9))
    curve = bent(rows, stride=2.5)

    def spline(x):
        x = abs(x)
        return np.where(x < 1, 2 / 3 - x * x + x**3 / 2, np.where(x < 2, (2 - x) ** 3 / 6, 0))

    ends = [control(2.5, line) for line in rows]
    weights = [
        spline(np.arange(*line)[:, None] / 2.5 - np.arange(*span)) for line, span in zip(rows, ends, strict=True)
    ]
    expected = np.einsum("kx,jy,iz,axyz->akji", *weights, curve.points)
    np.testing.assert_allclose(np.stack(curve.arrays()), expected, atol=1e-12)
    for axis in range(3):
        low, high = curve.extremes(axis)
        assert low <= expected[axis].min()
        assert high >= expected[axis].max()


def test_extremes_hold_every_point_that_is_looked_at():
    rows = ((0, 1), (3, 4), (7, 8))
    curve = bent(rows)
    for corner, value in ((0, -5.0), (3, 7.0)):
        curve.points[:] = 0
        curve.points[:, corner, corner, corner] = value
        low, high = curve.extremes(1)
        assert low <= min(value, 0)
        assert high >= max(value, 0)


def test_no_rows_no_voxels():
    at = positions(rows=((0, 0), (0, 3), (0, 4)))
    assert affine(noise("int16"), at, (0, 0, 0), order=1, fill=0).shape == (0, 3, 4)
    assert inside(at).shape == (0, 3, 4)


def test_refuses():
    x, at, zero = noise("int16"), positions(), (0, 0, 0)
    with pytest.raises(ValueError, match="beyond"):
        affine(x[:-2], at, zero, fill=0)
    with pytest.raises(ValueError, match="beyond"):
        affine(x, at, (2, 0, 0), fill=0)
    with pytest.raises(ValueError, match="memory"):
        affine(x, positions(rows=box(SHAPE)), zero, fill=0, out=x)
    with pytest.raises(ValueError, match="order"):
        affine(x, at, zero, order=2, fill=0)
    for order, dtype in product((1, 3), ("int32", "float64", ">i2", "bool")):
        with pytest.raises(TypeError, match="native"):
            affine(x.astype(dtype), at, zero, order=order, fill=0)
    for order, dtype in ((1, "uint8"), (0, "float32")):
        with pytest.raises(TypeError, match="dtype"):
            affine(x, at, zero, order=order, fill=0, dtype=dtype)
    with pytest.raises(ValueError, match="matrix"):
        Positions(np.eye(3), box(ROWS), box(SHAPE))
    with pytest.raises(ValueError, match="no voxel"):
        Positions(SKEWED, box(ROWS), box((0, 3, 3)))
    with pytest.raises(ValueError, match="rows"):
        Positions(SKEWED, box(ROWS), box(SHAPE), bent(box((3, 3, 3))))
    with pytest.raises(ValueError, match="control points"):
        bend(np.zeros((3, 4, 4, 4)), (0, 0, 0), (5.0, 5.0, 5.0), box(ROWS))
