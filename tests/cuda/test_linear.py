"""linear.cu: the bits of the compiled CPU forms."""

import numpy as np
import pytest
from scipy import ndimage

from pipeline.kernels import tables
from pipeline.kernels.cuda import WORDS
from pipeline.kernels.ramp import Ramp, window
from pipeline.kernels.resample import resample
from tests.cuda.standin import device

SOURCE = "linear.cu"
PAIRS = [("int16", "int16"), ("int16", "float32"), ("uint16", "uint16"), ("uint8", "uint8"), ("float32", "float32")]
RAMPS = [("int16", "float16"), ("int16", "uint8"), ("uint16", "float32"), ("uint8", "float16"), ("float32", "uint8")]
TESTED = [
    *(f"linear<{WORDS[a]}, {WORDS[b]}, false>" for a, b in PAIRS),
    *(f"linear<{WORDS[a]}, {WORDS[b]}, true>" for a, b in RAMPS),
    *(f"nearest<{word}>" for word in ("u8", "u16", "u32", "u64")),
]


def image(dtype, shape=(6, 11, 35), seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.normal(40, 300, shape).astype(dtype)
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def axes(shape, target, order, step=0.83, offset=-0.31):
    """Tables of rows that are inside."""
    made = [tables.spline(step, offset, order, (0, n), (0, m)) for n, m in zip(target, shape, strict=True)]
    return [t.crop(t.run) for t in made]


@pytest.mark.parametrize("target", [(7, 13, 40), (1, 1, 1), (2, 33, 5)])
@pytest.mark.parametrize(("source", "made"), PAIRS)
def test_the_bits_of_the_cpu(oracle, source, made, target):
    """Rows that are filled included."""
    x = image(source)
    t = [tables.spline(1.1, -1.3, 1, (0, n), (0, m)) for n, m in zip(target, x.shape, strict=True)]
    expected = resample(x, t, (0, 0, 0), fill=7, dtype=made)
    told = resample(device(x), t, (0, 0, 0), fill=7, dtype=made).get()
    assert told.dtype == made
    assert told.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("source", "made"), RAMPS)
def test_a_ramp_on_the_way(oracle, source, made):
    x = image(source)
    t = axes(x.shape, (7, 13, 40), 1)
    for ramp in (window(40, 400, made), window(100, 37.5, made, inverted=True)):
        expected = resample(x, t, (0, 0, 0), fill=0, ramp=ramp)
        assert resample(device(x), t, (0, 0, 0), fill=0, ramp=ramp).get().tobytes() == expected.tobytes()


def test_near_float64(oracle):
    x = image("float32")
    t = axes(x.shape, (7, 13, 40), 1)
    told = resample(device(x), t, (0, 0, 0), fill=0).get()
    at = np.meshgrid(*(np.clip(np.arange(n) * 0.83 - 0.31, 0, None) for n in told.shape), indexing="ij")
    expected = ndimage.map_coordinates(x.astype("f8"), at, order=1, mode="nearest")
    assert abs(told - expected).max() <= 1e-6 * abs(x).max()


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8"])
def test_every_integer_is_widened_exactly(oracle, dtype):
    """Seen through an identity."""
    info = np.iinfo(dtype)
    x = np.arange(info.min, info.max + 1, dtype=dtype).reshape(1, -1, 256)
    assert (resample(device(x), axes(x.shape, x.shape, 1, 1.0, 0.0), (0, 0, 0), fill=0).get() == x).all()


def test_nan_and_infinities(oracle):
    x = image("float32")
    x[2, 3, 4], x[4, 7, 20], x[1, 1, 30] = np.nan, np.inf, -np.inf
    t = axes(x.shape, (7, 13, 40), 1)
    for ramp in (None, Ramp(-100, 300, -100, 0.01, "uint8")):
        expected = resample(x, t, (0, 0, 0), fill=0, ramp=ramp)
        np.testing.assert_array_equal(resample(device(x), t, (0, 0, 0), fill=0, ramp=ramp).get(), expected)


def test_boxes_of_larger_arrays(oracle):
    whole = image("int16", (9, 15, 40))
    box, inner = np.s_[1:7, 2:13, 3:38], np.s_[1:-1, 1:-2, 2:-2]
    t = axes(whole[box].shape, (7, 13, 40), 1)
    expected = resample(whole[box], t, (0, 0, 0), fill=0)
    room = device(np.full(np.add(expected.shape, (2, 3, 4)), 99, "i2"))
    resample(device(whole)[box], t, (0, 0, 0), fill=0, out=room[inner])
    assert (room.get()[inner] == expected).all()
    room[inner] = 99
    assert (room.get() == 99).all()


def test_lines_that_are_not_contiguous(oracle):
    x = image("int16")
    t = axes(x[..., ::2].shape, (3, 3, 3), 1)
    expected = resample(x[..., ::2], t, (0, 0, 0), fill=0)
    assert (resample(device(x)[..., ::2], t, (0, 0, 0), fill=0).get() == expected).all()
    with pytest.raises(ValueError, match="contiguous lines"):
        resample(
            device(x), axes(x.shape, (3, 3, 3), 1), (0, 0, 0), fill=0, out=device(np.empty((3, 3, 6), "i2"))[..., ::2]
        )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_nearest_moves_bits(oracle, dtype):
    x = image(dtype)
    t = axes(x.shape, (7, 13, 40), 0)
    expected = resample(x, t, (0, 0, 0), fill=0)
    assert resample(device(x), t, (0, 0, 0), fill=0).get().tobytes() == expected.tobytes()


def test_nearest_through_a_ramp(oracle):
    x, ramp = image("int16"), window(40, 400, "float16")
    t = axes(x.shape, (7, 13, 40), 0)
    expected = resample(x, t, (0, 0, 0), fill=0, ramp=ramp)
    assert resample(device(x), t, (0, 0, 0), fill=0, ramp=ramp).get().tobytes() == expected.tobytes()
