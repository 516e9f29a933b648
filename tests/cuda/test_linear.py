"""linear.cu: the bits of the compiled CPU forms."""

import numpy as np
import pytest
from scipy import ndimage

from pipeline.kernels import tables
from pipeline.kernels.cuda import WORDS
from pipeline.kernels.cuda import resample as cuda
from pipeline.kernels.ramp import Ramp, window
from pipeline.kernels.resample import _pairs, resample

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


def linear(x, tables, out, ramp=None):
    cuda.linear(x, list(map(_pairs, tables)), out, ramp)
    return out


def axes(shape, target, order, step=0.83, offset=-0.31):
    """Tables of rows that are inside."""
    made = [tables.spline(step, offset, order, (0, n), (0, m)) for n, m in zip(target, shape, strict=True)]
    return [t.crop(t.run) for t in made]


@pytest.mark.parametrize("target", [(7, 13, 40), (1, 1, 1), (2, 33, 5)])
@pytest.mark.parametrize(("source", "made"), PAIRS)
def test_the_bits_of_the_cpu(oracle, source, made, target):
    x = image(source)
    t = axes(x.shape, target, 1)
    expected = resample(x, t, (0, 0, 0), fill=0, dtype=made)
    out = np.full_like(expected, 99)
    linear(x, t, out, None)
    assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("source", "made"), RAMPS)
def test_a_ramp_on_the_way(oracle, source, made):
    x = image(source)
    t = axes(x.shape, (7, 13, 40), 1)
    for ramp in (window(40, 400, made), window(100, 37.5, made, inverted=True)):
        expected = resample(x, t, (0, 0, 0), fill=0, ramp=ramp)
        out = np.full_like(expected, 99)
        linear(x, t, out, ramp)
        assert out.tobytes() == expected.tobytes()


def test_near_float64(oracle):
    x = image("float32")
    t = axes(x.shape, (7, 13, 40), 1)
    out = np.empty(tuple(len(a.index) for a in t), "f4")
    linear(x, t, out, None)
    at = np.meshgrid(*(np.clip(np.arange(n) * 0.83 - 0.31, 0, None) for n in out.shape), indexing="ij")
    expected = ndimage.map_coordinates(x.astype("f8"), at, order=1, mode="nearest")
    assert abs(out - expected).max() <= 1e-6 * abs(x).max()


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8"])
def test_every_integer_is_widened_exactly(oracle, dtype):
    """Seen through an identity, into a type that holds it."""
    info = np.iinfo(dtype)
    x = np.arange(info.min, info.max + 1, dtype=dtype).reshape(1, -1, 256)
    t = axes(x.shape, x.shape, 1, 1.0, 0.0)
    out = np.empty(x.shape, dtype)
    linear(x, t, out, None)
    assert (out == x).all()


def test_nan_and_infinities(oracle):
    x = image("float32")
    x[2, 3, 4], x[4, 7, 20], x[1, 1, 30] = np.nan, np.inf, -np.inf
    t = axes(x.shape, (7, 13, 40), 1)
    for made in ("float32", "uint8"):
        ramp = Ramp(-100, 300, -100, 0.01, "uint8") if made == "uint8" else None
        expected = resample(x, t, (0, 0, 0), fill=0, ramp=ramp)
        out = np.empty_like(expected)
        linear(x, t, out, ramp)
        np.testing.assert_array_equal(out, expected)


def test_boxes_of_larger_arrays(oracle):
    whole = image("int16", (9, 15, 40))
    x = whole[1:7, 2:13, 3:38]
    t = axes(x.shape, (7, 13, 40), 1)
    expected = resample(x, t, (0, 0, 0), fill=0)
    n, m, o = expected.shape
    room = np.full((n + 2, m + 3, o + 4), 99, "i2")
    linear(x, t, room[1:-1, 1:-2, 2:-2], None)
    assert (room[1:-1, 1:-2, 2:-2] == expected).all()
    room[1:-1, 1:-2, 2:-2] = 99
    assert (room == 99).all()


def test_lines_must_be_contiguous(oracle):
    x = image("int16")
    t = axes(x.shape, (3, 3, 3), 1)
    with pytest.raises(ValueError, match="contiguous lines"):
        linear(x[..., ::2], t, np.empty((3, 3, 3), "i2"), None)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_nearest_moves_bits(oracle, dtype):
    x = image(dtype)
    t = axes(x.shape, (7, 13, 40), 0)
    expected = resample(x, t, (0, 0, 0), fill=0)
    out = np.empty_like(expected)
    cuda.nearest(x, t, out)
    assert out.tobytes() == expected.tobytes()
