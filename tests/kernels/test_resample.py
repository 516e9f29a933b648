"""Resampling kernel: against SciPy in float64, against its own definition to the bit, at and beyond the border."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from pipeline.kernels import intensity, linear, nearest
from pipeline.kernels import resample as module
from pipeline.kernels.ramp import DTYPES, window
from pipeline.kernels.resample import resample
from pipeline.kernels.tables import spline

LINES = ((0.8, -0.1), (1.43, 0.215), (0.37, -0.315))  # (step, offset) along k, j, i
SHAPE, ROWS = (6, 9, 14), (7, 6, 36)


def volume(dtype, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 400, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)


def tables(order=1, start=(0, 0, 0), shape=SHAPE, rows=ROWS, lines=LINES):
    return [
        spline(step, offset + low, order, (0, n), (low, low + m))
        for (step, offset), low, m, n in zip(lines, start, shape, rows, strict=True)
    ]


def by_definition(x, axes, start, dtype=None, ramp=None):
    """The whole-array bodies that a GPU runs, here on NumPy; all rows inside."""
    moved, seen = module._seen(x, axes, start)
    if axes[0].taps == 1:
        y = nearest.by_definition(seen, moved)
        return y if ramp is None else intensity.plain(y, ramp)
    return intensity.finished(linear.by_definition(seen, moved), np.dtype(dtype or x.dtype), ramp)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8", "float32"])
def test_linear_is_scipys(dtype):
    x = volume(dtype)
    at = np.meshgrid(*(np.arange(n) * s + o for (s, o), n in zip(LINES, ROWS, strict=True)), indexing="ij")
    expected = map_coordinates(x.astype("f8"), at, order=1, mode="nearest")
    scale = abs(x.astype("f8")).max()
    np.testing.assert_allclose(resample(x, tables(), (0, 0, 0), fill=0, dtype="f4"), expected, atol=1e-6 * scale)
    if dtype != "float32":
        ours = resample(x, tables(), (0, 0, 0), fill=0)
        clear = abs(expected % 1 - 0.5) > 0.02
        assert ours.dtype == x.dtype
        assert np.array_equal(ours[clear], np.rint(expected[clear]).astype(dtype))
        assert (abs(ours - expected) <= 0.52).all()


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_float16_is_the_float32_rounded_once(dtype):
    x = volume(dtype)
    wide = resample(x, tables(), (0, 0, 0), fill=0.1, dtype="f4")
    assert resample(x, tables(), (0, 0, 0), fill=0.1, dtype="f2").tobytes() == wide.astype("f2").tobytes()


def test_one_axis_may_be_by_nearest():
    x = volume("float32")
    axes = [tables(0)[0], *tables()[1:]]
    still = spline(1.0, 0.0, 1, (0, 7), (0, 7))
    expected = resample(x[axes[0].index[:, 0]], [still, *axes[1:]], (0, 0, 0), fill=0)
    assert np.array_equal(resample(x, axes, (0, 0, 0), fill=0), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float32", "float64", "float16", "bool"])
def test_nearest_moves_bits_of_any_dtype(dtype):
    x = volume("uint8").astype(dtype)
    axes = tables(order=0)
    expected = x[np.ix_(*(t.index[:, 0] for t in axes))]
    ours = resample(x, axes, (0, 0, 0), fill=0)
    assert ours.dtype == x.dtype
    assert ours.tobytes() == expected.tobytes()


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8", "float32"])
@pytest.mark.parametrize("made", [*DTYPES, None])
def test_compiled_has_the_bits_of_the_definition_and_fused_those_of_two_steps(dtype, made, order):
    x, axes = volume(dtype), tables(order)
    ramp = window(40, 300, made) if made else None
    ours = resample(x, axes, (0, 0, 0), fill=0, ramp=ramp)
    assert ours.tobytes() == by_definition(x, axes, (0, 0, 0), ramp=ramp).tobytes()
    if ramp:
        assert ours.tobytes() == intensity.ramp(resample(x, axes, (0, 0, 0), fill=0), ramp).tobytes()


def test_zero_through_a_ramp_has_no_sign():
    """A sum that rounds to -0 before it is stored as an integer must not reach the ramp as -0."""
    x = np.array([[[0, -1]]], "i2")
    axes = [spline(1.0, 0.0, 1, (0, 1), (0, 1))] * 2 + [spline(0.1, 0.0, 1, (0, 5), (0, 2))]
    ramp = window(0.5, 1, "float32")
    assert not np.signbit(resample(x, axes, (0, 0, 0), fill=0, ramp=ramp)).any()
    assert not np.signbit(by_definition(x, axes, (0, 0, 0), ramp=ramp)).any()


@pytest.mark.parametrize("order", [0, 1])
def test_crops_and_odd_layouts_give_the_same_bits_by_the_same_code(order):
    start = (-3, 5, 100)
    x, axes = volume("int16"), tables(order, start)
    expected = resample(x, axes, start, fill=0)
    kernel = (nearest._nearest, linear._linear)[order]
    forms = len(kernel.signatures)
    padded = np.pad(x, 2)
    frozen = x.copy()
    frozen.setflags(write=False)
    for y in (padded[2:-2, 2:-2, 2:-2], np.asfortranarray(x), x[::-1].copy()[::-1], x[:, ::-1].copy()[:, ::-1], frozen):
        assert np.array_equal(resample(y, axes, start, fill=0), expected)
    assert np.array_equal(resample(padded, axes, [s - 2 for s in start], fill=0), expected)
    assert len(kernel.signatures) == forms


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("value", [-1000.25, 0.1, 3.4e38, 1e-42])
def test_a_constant_stays_constant_to_the_bit(value, order):
    x = np.full(SHAPE, value, "f4")
    assert (resample(x, tables(order), (0, 0, 0), fill=0) == x[0, 0, 0]).all()


@given(st.integers(0, 2**32), st.sampled_from(["int16", "uint8", "uint16"]))
@settings(max_examples=25)
def test_never_leaves_the_range_of_its_input(seed, dtype):
    x = volume(dtype, (3, 3, 3), seed)
    y = resample(x, tables(shape=(3, 3, 3), rows=(3, 2, 8)), (0, 0, 0), fill=x[0, 0, 0])
    assert x.min() <= y.min() <= y.max() <= x.max()


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_beyond_half_a_voxel_is_fill_on_both_sides(order, axis):
    x = volume("int16", (4, 4, 4))
    lines = [(1.0, 0.0)] * 3
    lines[axis] = (0.25, -1.0)  # rows 2..18 lie within half a voxel
    rows = [4, 4, 4]
    rows[axis] = 21
    y = np.moveaxis(resample(x, tables(order, shape=x.shape, rows=rows, lines=lines), (0, 0, 0), fill=-1024), axis, 0)
    border = np.moveaxis(x, axis, 0)
    assert (y[:2] == -1024).all()
    assert (y[19:] == -1024).all()
    assert (y[2:5] == border[0]).all()
    assert (y[16:19] == border[-1]).all()


def test_fill_fits_the_dtype_and_passes_the_ramp():
    far = [spline(1.0, 50.0, 1, (0, 2), (0, 4))] * 3
    for dtype, fill, expected in [("uint8", -1024, 0), ("int16", 1e9, 32767), ("int16", 2.5, 2), ("float32", 0.5, 0.5)]:
        assert (resample(np.zeros((4, 4, 4), dtype), far, (0, 0, 0), fill=fill) == expected).all()
    y = resample(np.zeros((4, 4, 4), "i2"), far, (0, 0, 0), fill=39.6, ramp=window(40, 400, "float32"))
    assert (y == 0.5).all()
    assert (
        resample(np.zeros((4, 4, 4), bool), tables(0, shape=(4, 4, 4), lines=[(1, 9)] * 3), (0, 0, 0), fill=0).max()
        == 0
    )


def test_no_rows_no_voxels():
    assert resample(volume("int16"), tables(rows=(0, 3, 4)), (0, 0, 0), fill=0).shape == (0, 3, 4)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("made", ["float16", None])
def test_input_is_not_written_and_out_is_used(order, made):
    x, ramp = volume("int16"), window(40, 400, made) if made else None
    kept, axes = x.copy(), tables(order, lines=((0.8, -3), (1.43, 0.2), (0.37, -0.3)))
    x.setflags(write=False)
    expected = resample(x, axes, (0, 0, 0), fill=-7, ramp=ramp)
    room = np.full([n + 4 for n in ROWS], 7, expected.dtype)
    out = room[2:-2, 2:-2, 2:-2]
    for _ in range(2):
        assert resample(x, axes, (0, 0, 0), fill=-7, ramp=ramp, out=out) is out
        assert np.array_equal(out, expected)
    room[2:-2, 2:-2, 2:-2] = 7
    assert (room == 7).all()
    assert np.array_equal(x, kept)


def test_refuses():
    x, axes, zero = volume("int16"), tables(), (0, 0, 0)
    with pytest.raises(ValueError, match="beyond"):
        resample(x[:-1], axes, zero, fill=0)
    with pytest.raises(ValueError, match="beyond"):
        resample(x, axes, (1, 0, 0), fill=0)
    with pytest.raises(ValueError, match="memory"):
        resample(x, tables(rows=SHAPE), zero, fill=0, out=x)
    with pytest.raises(ValueError, match="shape"):
        resample(x, axes, zero, fill=0, out=x)
    with pytest.raises(ValueError, match="three"):
        resample(x, axes[:2], zero, fill=0)
    with pytest.raises(ValueError, match="follow"):
        resample(x, [tables(3)[0], tables(lines=[(1.0, 3.0)] * 3)[1], axes[2]], zero, fill=0)
    for dtype in ("int32", "float64", ">i2", "bool"):
        with pytest.raises(TypeError, match="native"):
            resample(x.astype(dtype), axes, zero, fill=0)
    for order, dtype in ((1, "uint8"), (0, "float32")):
        with pytest.raises(TypeError, match="dtype"):
            resample(x, tables(order), zero, fill=0, dtype=dtype)
