"""affine.cu: the bits of the compiled CPU forms, at positions straight and bent."""

import sys

import numpy as np
import pytest

from pipeline.kernels import affine as cpu
from pipeline.kernels.bend import bend, control
from pipeline.kernels.cuda import affine
from pipeline.kernels.positions import Positions
from pipeline.kernels.ramp import window
from tests.cuda.standin import device
from tests.cuda.test_linear import image

SOURCE = "affine.cu"
PAIRS = [("int16", "int16"), ("uint8", "float32"), ("float32", "float16")]
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


def same(x, at, start=(0, 0, 0), **how):
    """Whether the bits of the CPU come out."""
    expected = cpu.affine(x, at, start, **how)
    told = cpu.affine(device(x), at, start, **how).get()
    assert told.dtype == expected.dtype
    return told.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("place", "source", "made"), [("oblique", *p) for p in PAIRS] + [("bent", *PAIRS[0])])
def test_linear(oracle, place, source, made):
    assert same(image(source, SHAPE), PLACES[place], order=1, fill=-7, dtype=made)


@pytest.mark.parametrize("place", ["oblique", "bent"])
@pytest.mark.parametrize("order", [1, 3])
def test_what_kernels_make_of_coefficients(oracle, place, order):
    """Against the definition, since filters before are kernels of another source."""
    at = PLACES[place]
    lows, highs = zip(*at.span(order), strict=True)
    x = image("float32", np.subtract(highs, lows))
    for kept, ramp in (("int16", None), ("float32", window(40, 400, "uint8"))):
        if order == 1 and ramp is not None:
            continue
        expected = np.empty(at.shape, kept if ramp is None else ramp.dtype)
        out = device(np.full_like(expected, 99))
        for body, given, made in ((cpu.whole, x, expected), (cpu._by_cuda, device(x), out)):
            body(given, at, lows, order, np.dtype(kept), -7, ramp, made)
        assert out.get().tobytes() == expected.tobytes()


def test_a_ramp_on_the_way(oracle):
    assert same(image("int16", SHAPE), PLACES["bent"], order=1, fill=-7, ramp=window(40, 400, "float16"))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_nearest(oracle, dtype, place):
    assert same(image(dtype, SHAPE), PLACES[place], order=0, fill=3)


def test_nearest_through_a_ramp(oracle):
    assert same(image("int16", SHAPE), PLACES["oblique"], order=0, fill=3, ramp=window(40, 400, "float16"))


@pytest.mark.parametrize("at", PLACES.values(), ids=PLACES)
def test_inside(oracle, at):
    told = cpu.inside(at, sys.modules["cupy"]).get()
    assert (told == cpu.inside(at)).all()
    assert 0 < told.mean() < 1


def test_a_piece_that_lies_anywhere(oracle):
    """The array at hand is a part of the source, whose first voxel is not the lattice's."""
    at = positions(rows=((3, 5), (6, 9), (4, 12)))
    starts, stops = zip(*at.span(1), strict=True)
    x = image("int16", SHAPE)[tuple(map(slice, starts, stops))]
    assert same(x, at, starts, order=1, fill=-7)
