"""affine.cu: the bits of the compiled CPU forms, at positions straight and bent."""

import numpy as np
import pytest

from pipeline.kernels import affine as cpu
from pipeline.kernels.bend import bend, control
from pipeline.kernels.cuda import affine
from pipeline.kernels.positions import Positions
from pipeline.kernels.ramp import window
from tests.cuda.test_linear import image

SOURCE = "affine.cu"
PAIRS = [("int16", "int16"), ("uint8", "float32"), ("float32", "float32")]
TESTED = [
    *(affine.cuda.kernel("affine_linear", a, b, b, False) for a, b in [*PAIRS, ("float32", "int16")]),
    affine.cuda.kernel("affine_linear", "int16", "int16", "float16", True),
    affine.cuda.kernel("affine_cubic", "int16", "int16", False),
    affine.cuda.kernel("affine_cubic", "float32", "uint8", True),
    *(f"affine_nearest<{word}>" for word in ("u8", "u16", "u32", "u64")),
    "affine_inside",
]
MATRIX = np.array([[0.9, 0.2, -0.1, 0.5], [-0.15, 0.7, 0.3, 1.0], [0.1, -0.2, 0.8, 2.0]])
IDENTITY = np.eye(4)[:3]
ROWS = ((0, 7), (2, 14), (-3, 37))
SHAPE = (8, 11, 31)


def positions(matrix=MATRIX, bent=False, rows=ROWS):
    bounds = tuple((0, n) for n in SHAPE)
    if not bent:
        return Positions(matrix, rows, bounds)
    low, high = zip(*(control(5.0, r) for r in rows), strict=True)
    points = np.random.default_rng(1).normal(0, 0.7, (3, *np.subtract(high, low)))
    return Positions(matrix, rows, bounds, bend(points, low, (5.0, 5.0, 5.0), rows))


PLACES = {"oblique": positions(), "bent": positions(bent=True), "straight": positions(IDENTITY)}


def on_device(x, at, start, order, kept, ramp=None, fill=-7):
    made = np.dtype(kept) if ramp is None else ramp.dtype
    value = cpu._finished_fill(fill, np.dtype(kept), made, ramp)
    out = np.full(at.shape, 99, made)
    affine.interpolated(x, at, start, order, np.dtype(kept), value, ramp, out)
    return out


@pytest.mark.parametrize(("place", "source", "made"), [("oblique", *p) for p in PAIRS] + [("bent", *PAIRS[0])])
def test_linear(oracle, place, source, made):
    x, at = image(source, SHAPE), PLACES[place]
    expected = cpu.affine(x, at, (0, 0, 0), order=1, fill=-7, dtype=made)
    assert on_device(x, at, (0, 0, 0), 1, made).tobytes() == expected.tobytes()


def test_smoothed_voxels_are_stored_as_the_source(oracle):
    x, at = image("int16", SHAPE), PLACES["oblique"]
    expected = np.empty(at.shape, "i2")
    cpu.whole(x.astype("f4") / 3, at, (0, 0, 0), 1, expected.dtype, -7, None, expected)
    assert on_device(x.astype("f4") / 3, at, (0, 0, 0), 1, "int16").tobytes() == expected.tobytes()


@pytest.mark.parametrize("place", ["oblique", "bent"])
def test_cubic(oracle, place):
    at = PLACES[place]
    lows, highs = zip(*at.span(3), strict=True)
    x = image("float32", np.subtract(highs, lows))
    for kept, ramp in (("int16", None), ("float32", window(40, 400, "uint8"))):
        expected = np.empty(at.shape, kept if ramp is None else ramp.dtype)
        cpu.whole(x, at, lows, 3, np.dtype(kept), -7, ramp, expected)
        assert on_device(x, at, lows, 3, kept, ramp).tobytes() == expected.tobytes()


def test_a_ramp_on_the_way(oracle):
    x, at, ramp = image("int16", SHAPE), PLACES["bent"], window(40, 400, "float16")
    expected = cpu.affine(x, at, (0, 0, 0), order=1, fill=-7, ramp=ramp)
    assert on_device(x, at, (0, 0, 0), 1, "int16", ramp).tobytes() == expected.tobytes()


@pytest.mark.parametrize("at", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_nearest(oracle, dtype, at):
    x = image(dtype, SHAPE)
    expected = cpu.affine(x, at, (0, 0, 0), order=0, fill=3)
    out = np.full_like(expected, 99)
    affine.nearest(x, at, (0, 0, 0), np.full((1, 1, 1), 3, dtype), out)
    assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("at", PLACES.values(), ids=PLACES)
def test_inside(oracle, at):
    out = np.full(at.shape, 99, "u1")
    affine.inside(at, out)
    assert (out == cpu.inside(at)).all()
    assert 0 < out.mean() < 1


def test_a_piece_that_lies_anywhere(oracle):
    """The array at hand is a part of the source, whose first voxel is not the lattice's."""
    whole = image("int16", SHAPE)
    at = positions(rows=((3, 5), (6, 9), (4, 12)))
    (k, l), (j, m), (i, n) = at.span(1)
    expected = cpu.affine(whole, at, (0, 0, 0), order=1, fill=-7)
    assert (on_device(whole[k:l, j:m, i:n], at, (k, j, i), 1, "int16") == expected).all()
