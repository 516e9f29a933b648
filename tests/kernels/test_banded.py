"""Tables of many taps: SciPy in float64 borders included, the definition to the bit, any shape and layout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.kernels import banded, intensity
from pipeline.kernels.ramp import window
from pipeline.kernels.resample import resample
from pipeline.kernels.tables import area, gaussian, smoothed, spline
from tests.kernels.test_resample import volume

ORIGIN = (0, 0, 0)
SHAPE, ROWS = (12, 30, 17), (17, 75, 13)  # more rows than lanes
LINES = ((0.7, -0.15), (0.4, -0.3), (1.3, 0.15))  # (step, offset) along k, j, i


def cubic(lines=LINES, rows=ROWS, shape=SHAPE, start=ORIGIN, border="mirror"):
    return [
        spline(step, offset + low, 3, (0, n), (low, low + m), border)
        for (step, offset), n, m, low in zip(lines, rows, shape, start, strict=True)
    ]


def by_definition(x, axes, dtype=None, ramp=None):
    return intensity.finished(banded.by_definition(x, axes), np.dtype(dtype or x.dtype), ramp)


@pytest.mark.parametrize("border", ["mirror", "nearest"])
def test_cubic_is_scipys_borders_included(border):
    dtype, x = "int16", volume("int16", SHAPE)
    at = np.meshgrid(*(np.arange(n) * s + o for (s, o), n in zip(LINES, ROWS, strict=True)), indexing="ij")
    expected = ndimage.map_coordinates(x.astype("f8"), at, order=3, mode=border)
    exact = resample(x, cubic(border=border), ORIGIN, fill=0, dtype="f4")
    span = np.ptp(x.astype("f8"))
    np.testing.assert_allclose(exact, expected, atol=2e-6 * span)
    info = np.iinfo(dtype)
    clear = abs(expected % 1 - 0.5) > 2e-6 * span
    stored = np.rint(expected).clip(info.min, info.max).astype(dtype)
    assert clear.mean() > 0.2
    assert np.array_equal(resample(x, cubic(border=border), ORIGIN, fill=0)[clear], stored[clear])


@pytest.mark.parametrize(
    ("dtype", "made"), [("int16", None), ("uint16", None), ("uint8", None), ("float32", None), ("int16", "float16")]
)
def test_compiled_has_the_bits_of_the_definition(dtype, made):
    x, ramp = volume(dtype, SHAPE), window(40, 300, made) if made else None
    ours = resample(x, cubic(), ORIGIN, fill=0, ramp=ramp)
    assert ours.tobytes() == by_definition(x, cubic(), ramp=ramp).tobytes()
    if ramp:
        assert ours.tobytes() == intensity.ramp(resample(x, cubic(), ORIGIN, fill=0), ramp).tobytes()


lengths = st.integers(1, 9) | st.sampled_from([63, 64, 65, 130])


@given(
    st.permutations([1, 2, 3]), lengths, st.tuples(*[st.sampled_from([-2.3, -0.5, 0.3, 0.8, 1.0, 4.0])] * 3), st.data()
)
@settings(max_examples=30, deadline=None)
def test_any_shape_and_direction_has_the_bits_of_the_definition(small, large, steps, data):
    """One long axis, beyond a slab or the lanes; rows in either direction; taps from one to many."""
    rows = [*small[:2], large]
    data.draw(st.randoms()).shuffle(rows)
    shape = [max(3, round(n * abs(s))) for n, s in zip(rows, steps, strict=True)]
    axes = []
    for n, m, step in zip(rows, shape, steps, strict=True):
        first = 0.1 if step > 0 else m - 1.1
        make = data.draw(st.sampled_from(["nearest", "cubic", "area", "smooth"]))
        axes.append(
            {
                "nearest": lambda n=n, m=m, s=step, o=first: spline(s, o, 0, (0, n), (0, m)),
                "cubic": lambda n=n, m=m, s=step, o=first: spline(s, o, 3, (0, n), (0, m)),
                "area": lambda n=n, m=m, s=step, o=first: area(s, o, (0, n), (0, m)),
                "smooth": lambda n=n, m=m, s=step, o=first: smoothed(spline(s, o, 1, (0, n), (0, m)), 0.8, (0, m)),
            }[make]()
        )
    x = volume("int16", shape)
    made = np.empty(rows, "i2")
    banded.banded(x, axes, made, None)
    assert np.array_equal(made, by_definition(x, axes))


def test_crops_and_odd_layouts_give_the_same_bits_by_the_same_code():
    start = (-3, 5, 100)
    x, axes = volume("int16", SHAPE), cubic(start=start)
    expected = resample(x, axes, start, fill=0)
    forms = len(banded._banded.signatures)
    padded = np.pad(x, 2)
    frozen = x.copy()
    frozen.setflags(write=False)
    for y in (padded[2:-2, 2:-2, 2:-2], np.asfortranarray(x), x[:, ::-1].copy()[:, ::-1], frozen):
        assert np.array_equal(resample(y, axes, start, fill=0), expected)
    room = np.full([n + 4 for n in ROWS], 7, "i2")
    out = room[2:-2, 2:-2, 2:-2]
    assert resample(padded, axes, [s - 2 for s in start], fill=0, out=out) is out
    assert np.array_equal(out, expected)
    out[...] = 7
    assert (room == 7).all()
    assert np.array_equal(frozen, x)
    assert len(banded._banded.signatures) == forms


def test_what_is_beyond_is_fill():
    x = volume("int16", (8, 8, 8))
    axes = cubic([(1.0, -3.2)] * 3, (15,) * 3, (8,) * 3)
    made = resample(x, axes, ORIGIN, fill=-1024)
    inside = np.s_[3:11, 3:11, 3:11]
    assert np.array_equal(made[inside], resample(x, [t.crop(slice(3, 11)) for t in axes], ORIGIN, fill=0))
    made[inside] = -1024
    assert (made == -1024).all()


def test_a_gaussian_blurs_as_scipys():
    x = volume("float32", SHAPE)
    axes = [gaussian(sigma, (0, n), (0, n)) for sigma, n in zip((0.0, 1.2, 3.0), SHAPE, strict=True)]
    expected = ndimage.gaussian_filter(x.astype("f8"), (0, 1.2, 3.0), mode="nearest")
    np.testing.assert_allclose(resample(x, axes, ORIGIN, fill=0), expected, atol=1e-6 * np.ptp(x))


def test_cubic_of_a_constant_is_that_constant():
    made = resample(np.full(SHAPE, 1000.25, "f4"), cubic(), ORIGIN, fill=0)
    np.testing.assert_allclose(made, 1000.25, rtol=1e-6)
