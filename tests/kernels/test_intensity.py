"""The pointwise kernel: the bits of its definition, for every dtype, layout and strange value."""

import numpy as np
import pytest

from pipeline.kernels import intensity
from pipeline.kernels.ramp import DTYPES, Ramp, window

SOURCES = ["int16", "uint16", "uint8", "float32", "int32", "float64", "bool"]


def volume(dtype, shape=(3, 5, 37), seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        x = rng.normal(0, 400, shape).astype(dtype)
        x.flat[:7] = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-42, -160]
        return x
    high = 2 if dtype == "bool" else min(np.iinfo(dtype).max, 70000)
    return rng.integers(0 if high < 3 or dtype[0] == "u" else -high, high, shape).astype(dtype)


@pytest.mark.parametrize("dtype", SOURCES)
@pytest.mark.parametrize("made", DTYPES)
@pytest.mark.parametrize("ramp", [(40, 400, False), (0, 7, True), (100, 90000, False)])
def test_compiled_has_the_bits_of_the_definition(dtype, made, ramp):
    x = volume(dtype)
    center, width, inverted = ramp
    ramp = window(center, width, made, inverted)
    y = intensity.ramp(x, ramp)
    assert y.dtype == np.dtype(made)
    assert same_bits(y, intensity.plain(x, ramp))
    assert not np.signbit(y[y == 0]).any()


def test_halves_round_to_even_everywhere():
    x = np.random.default_rng(0).integers(0, 2**32, (1, 1, 200_000), "u4").view("f4")
    x = np.where(np.isfinite(x) & (abs(x) < 65000), x, np.float32(1))
    ramp = Ramp(-65000, 65000, 0, 1, np.dtype("f2"))
    assert same_bits(intensity.ramp(x, ramp), (x + np.float32(0)).astype("f2"))


def test_uint8_is_clipped_by_the_type_too():
    x = np.array([[[-9, 0.5, 1.5, 255.4, 300, np.nan]]], "f4")
    wide = Ramp(-1000, 1000, 0, 1, np.dtype("u1"))
    assert intensity.ramp(x, wide).ravel().tolist() == [0, 0, 2, 255, 255, 0]


def test_nan_stays_nan_in_floats():
    x = np.full((1, 1, 3), np.nan, "f4")
    assert np.isnan(intensity.ramp(x, window(0, 1, "float16"))).all()
    assert np.isnan(intensity.ramp(x, window(0, 1, "float32"))).all()


@pytest.mark.parametrize(
    "cut", [np.s_[1:, 2:4, 3:30], np.s_[:, :, ::2], np.s_[::-1], np.s_[..., :1], np.s_[:, :0], np.s_[2:3, 1:2, 4:5]]
)
def test_any_layout_same_bits_same_code(cut):
    x, ramp = volume("int16"), window(40, 400, "float16")
    intensity.ramp(x, ramp)
    forms = len(intensity._ramp.signatures)
    for y in (x, np.asfortranarray(x)):
        assert same_bits(intensity.ramp(y[cut], ramp), intensity.plain(y[cut], ramp))
    assert len(intensity._ramp.signatures) == forms


def test_input_is_read_only_and_out_is_used():
    x, ramp = volume("int16"), window(40, 400, "float32")
    kept = x.copy()
    x.setflags(write=False)
    room = np.full((5, 9, 40), 7, "f4")
    out = room[1:4, 2:7, 1:38]
    assert intensity.ramp(x, ramp, out=out) is out
    assert same_bits(out, intensity.plain(kept, ramp))
    assert (room == 7).sum() == room.size - out.size
    assert np.array_equal(x, kept)


def test_out_must_fit():
    x = volume("float32")
    ramp = window(40, 400, "float32")
    frozen = np.empty_like(x)
    frozen.setflags(write=False)
    for out, word in [
        (np.empty((3, 5, 36), "f4"), "shape"),
        (np.empty_like(x, "f2"), "dtype"),
        (x, "memory"),
        (frozen, "writeable"),
        (np.empty((3, 5, 74), "f4")[..., ::2], "contiguous"),
    ]:
        with pytest.raises(ValueError, match=word):
            intensity.ramp(x, ramp, out=out)


def same_bits(a, b):
    """Equal dtype, shape and bytes; any NaN equals any other."""
    a, b = (np.where(np.isnan(v), np.array(np.nan, v.dtype), v) if v.dtype.kind == "f" else v for v in (a, b))
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8", "int32", "float32", "float16", "float64"])
@pytest.mark.parametrize("ends", [(-10.5, 30.5), (None, 7), (3.5, None), (-1e6, 1e6), (0.5, 0.5)])
def test_clip_keeps_the_type(dtype, ends):
    x = volume(dtype)
    x.flags.writeable = False
    made = intensity.clip(x, *ends)
    assert made.dtype == x.dtype
    low, high = (-np.inf if ends[0] is None else ends[0]), (np.inf if ends[1] is None else ends[1])
    expected = np.clip(x.astype("f8"), low, high)
    if x.dtype.kind != "f":
        expected = np.clip(np.rint(expected), np.iinfo(dtype).min, np.iinfo(dtype).max)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(made, expected.astype(dtype))
