"""Which voxel centres lie inside closed contours."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from pipeline.kernels import contours
from pipeline.kernels.contours import fill

SHAPE = (5, 6)


def plane(polygons: Sequence[np.ndarray], shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """uint8 [j, i] of the whole plane."""
    (j, i), mask = fill([np.asarray(p, "f8") for p in polygons], shape)
    out = np.zeros(shape, np.uint8)
    out[j : j + mask.shape[0], i : i + mask.shape[1]] = mask
    return out


def exact(polygons: Sequence[Sequence[tuple[Fraction, Fraction]]], shape: tuple[int, int]) -> np.ndarray:
    """The rule itself, voxel by voxel, in rational numbers."""
    out = np.zeros(shape, np.uint8)
    for j, i in np.ndindex(shape):
        for polygon in polygons:
            for (aj, ai), (bj, bi) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
                if (aj <= j) != (bj <= j) and ai + (j - aj) * (bi - ai) / (bj - aj) <= i:
                    out[j, i] ^= 1
    return out


halves = st.integers(-3, 14).map(lambda n: Fraction(n, 2))
lattice = st.lists(st.tuples(halves, halves), min_size=1, max_size=6)
fine = st.integers(-2 << 20, 7 << 20).map(lambda n: n / (1 << 20))
spots = st.tuples(fine, fine)


@given(st.lists(lattice, min_size=1, max_size=3))
def test_vertices_and_edges_on_centres(polygons: list[list[tuple[Fraction, Fraction]]]) -> None:
    """Right on the half-open rule; slopes such as 1/3 are rounded, so edges run along the axes or at 45 degrees."""
    straight = [[corner for a, b in pairwise([*p, p[0]]) for corner in _straight(a, b)] for p in polygons]
    np.testing.assert_array_equal(plane([np.array(p, "f8") for p in straight]), exact(straight, SHAPE))


def _straight(a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction]) -> list[tuple[Fraction, Fraction]]:
    """From a to b, b left out: at 45 degrees first, then along an axis."""
    (aj, ai), (bj, bi) = a, b
    step = min(abs(bj - aj), abs(bi - ai))
    return [a, (aj + (step if bj > aj else -step), ai + (step if bi > ai else -step))]


@given(st.lists(st.lists(spots, min_size=3, max_size=7), min_size=1, max_size=2))
def test_anywhere(polygons: list[list[tuple[float, float]]]) -> None:
    """The rational rule, but where a crossing lies within rounding of a centre."""
    rational = [[(Fraction(j), Fraction(i)) for j, i in p] for p in polygons]
    wanted, made = exact(rational, SHAPE), plane([np.array(p) for p in polygons])
    for j, i in np.argwhere(made != wanted):
        places = [
            ai + (j - aj) * (bi - ai) / (bj - aj)
            for p in rational
            for (aj, ai), (bj, bi) in zip(p, [*p[1:], p[0]], strict=True)
            if (aj <= j) != (bj <= j)
        ]
        assert min(abs(place - i) for place in places) < 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_as_scikit_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 200))
    radii = rng.uniform(20, 60, 200)
    polygon = np.stack([70 + radii * np.sin(angles), 64 + radii * np.cos(angles)], axis=1)
    np.testing.assert_array_equal(plane([polygon], (140, 128)), polygon2mask((140, 128), polygon))


@given(st.lists(spots, min_size=3, max_size=12), st.integers(0, 11), st.booleans())
def test_the_walk_does_not_matter(polygon: list[tuple[float, float]], at: int, back: bool) -> None:
    contour = np.array(polygon)
    walked = np.roll(contour, at, axis=0)[:: -1 if back else 1]
    np.testing.assert_array_equal(plane([contour]), plane([walked]))


@given(st.lists(spots, min_size=2, max_size=8), st.lists(spots, min_size=1, max_size=4))
def test_neighbours_share_nothing_and_leave_nothing(
    shared: list[tuple[float, float]], beyond: list[tuple[float, float]]
) -> None:
    """A polygon cut in two along a line: by parity, the halves add up to the whole, whatever the line."""
    ring, cut = np.array(shared), np.array(beyond)
    one = np.concatenate([ring, cut])
    two = np.concatenate([ring[:1], cut[::-1], ring[-1:]])
    np.testing.assert_array_equal(plane([one]) ^ plane([two]), plane([ring]))


def test_a_hole_an_island_and_a_keyhole() -> None:
    def square(low: float, high: float) -> np.ndarray:
        return np.array([(low, low), (low, high), (high, high), (high, low)])

    shape = (20, 20)
    ring = plane([square(1, 17), square(4, 14)], shape)
    assert ring.sum() == 16 * 16 - 10 * 10
    island = plane([square(1, 17), square(4, 14), square(6, 9)], shape)
    assert island.sum() == ring.sum() + 9
    keyhole = np.concatenate([square(1, 17), [(1, 1)], square(4, 14)[::-1], [(14, 4)]])
    np.testing.assert_array_equal(plane([keyhole], shape), ring)


def test_a_square_on_centres_holds_its_low_rims() -> None:
    made = plane([np.array([(1, 2), (1, 5), (4, 5), (4, 2)])])
    assert made[1:4, 2:5].all()
    assert made.sum() == 9


@pytest.mark.parametrize(
    "contour",
    [
        [],
        [(2, 2)],
        [(1, 1), (5, 5)],
        [(3, 1), (3, 9), (3, 4)],
        [(-5, 1), (-3, 8), (-2, 2)],
        [(1, 20), (7, 30), (3, 25)],
    ],
)
def test_nothing_inside(contour: list[tuple[float, float]]) -> None:
    assert not plane([np.array(contour, "f8").reshape(-1, 2)]).any()


def test_no_contours() -> None:
    assert not plane([]).any()


def test_far_larger_than_the_plane() -> None:
    huge = np.array([(-1e9, -1e9), (-1e9, 1e9), (1e9, 1e9), (1e9, -1e9)])
    assert plane([huge]).all()


def test_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    polygon = rng.uniform(0, 60, (400, 2))
    whole = plane([polygon], (60, 60))
    monkeypatch.setattr(contours, "_CROSSINGS", 50)
    np.testing.assert_array_equal(plane([polygon], (60, 60)), whole)
