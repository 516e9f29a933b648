"""Whole turns, straightened and aligned grids."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import aff2axcodes

from pipeline.grid import Grid
from pipeline.orientation import aligned, codes, matching, straightened, toward
from tests.strategies import frames, grids, spacings

AXES = {"x": "LR", "y": "PA", "z": "SI"}
wanted = st.builds(
    lambda order, ends: "".join(AXES[axis][end] for axis, end in zip(order, ends, strict=True)),
    st.permutations("xyz"),
    st.tuples(*[st.booleans()] * 3),
)
somewhere = st.builds(replace, grids(), start=st.tuples(*[st.integers(-9, 9)] * 3))


@st.composite
def sheared(draw):
    """A grid whose axes are not perpendicular: a tilted gantry, and more."""
    frame = draw(frames())
    shear = np.eye(4)
    shear[0, 1], shear[0, 2], shear[1, 2] = draw(st.tuples(*[st.floats(-0.6, 0.6)] * 3))
    return Grid(frame @ shear.T, draw(st.tuples(*[st.integers(1, 9)] * 3)), draw(st.tuples(*[st.integers(-9, 9)] * 3)))


@given(somewhere, wanted)
def test_a_turn_keeps_every_voxel_in_its_place_and_turns_back_to_the_bit(grid, letters):
    turn = toward(grid, letters)
    turned = turn.grid(grid)
    assert codes(turned) == letters
    assert turn.inverse.grid(turned) == grid
    assert toward(turned, codes(grid)) == turn.inverse
    numbers = np.arange(grid.size).reshape(grid.shape)
    assert np.array_equal(turn.inverse.array(turn.array(numbers)), numbers)
    for at in ((0, 0, 0), tuple(n - 1 for n in turned.shape)):
        index = np.unravel_index(turn.array(numbers)[at], grid.shape)
        np.testing.assert_allclose(turned.position(at), grid.position(index), atol=1e-9)


@given(somewhere, wanted)
def test_axes_are_brought_along_those_of_a_turned_and_respaced_grid(grid, letters):
    turn = toward(grid, letters)
    other = turn.grid(grid).respace((0.9, 1.7, 0.6))
    assert matching(grid, other) == turn
    assert all(step > 0 for step, _ in turn.grid(grid).axes(other))


def test_other_axes_match_no_turn():
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    assert matching(Grid(np.eye(4), (3, 3, 3)), Grid(turned, (3, 3, 3))) is None


@given(grids())
def test_codes_are_nibabels_where_the_axes_are_clear(grid):
    turned = np.diag([-1, -1, 1, 1]) @ grid.affine[:, [2, 1, 0, 3]]  # to RAS, and to i, j, k
    cosines = np.sort(abs(turned[:3, :3]) / np.linalg.norm(turned[:3, :3], axis=0), axis=0)
    if (cosines[2] > 0.9).all():
        assert codes(grid) == "".join(aff2axcodes(turned))


@pytest.mark.parametrize("letters", ["", "LP", "LLS", "LPX", "LRS", "lps", "LPSS"])
def test_codes_that_name_no_three_axes_are_refused(letters):
    with pytest.raises(ValueError, match="codes"):
        toward(Grid(np.eye(4), (2, 2, 2)), letters)


@given(sheared())
def test_straightened_axes_are_perpendicular_and_hold_every_voxel(grid):
    straight = straightened(grid)
    columns = straight.affine[:3, :3] / straight.spacing
    if straight is not grid:
        np.testing.assert_allclose(columns.T @ columns, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(columns[:, 2], grid.affine[:3, 2] / grid.spacing[2], atol=1e-9)  # i is kept
    assert np.dot(columns[:, 0], grid.affine[:3, 0]) > 0
    assert straight.shape[0] == grid.shape[0]
    assert straight.voxel_mm3 == pytest.approx(grid.voxel_mm3)
    for corner in product(*((0, n - 1) for n in grid.shape)):
        at = np.array(straight.index(grid.position(corner)))
        assert (at > -1e-3).all()
        assert (at < np.array(straight.shape) - 1 + 1e-3).all()
        np.testing.assert_allclose(at[0], corner[0], atol=1e-6)  # slices stay slices


@given(grids())
def test_perpendicular_axes_are_left_alone(grid):
    assert straightened(grid) is grid


@given(sheared())
def test_aligned_axes_are_the_patients_and_hold_every_voxel(grid):
    made = aligned(grid)
    if made is grid:
        return
    assert ((made.affine[:3, :3] != 0).sum(0) == 1).all()
    assert ((made.affine[:3, :3] != 0).sum(1) == 1).all()
    assert codes(made) == codes(grid)
    assert made.spacing == pytest.approx(grid.spacing)
    corners = product(*((-0.5, n - 0.5) for n in grid.shape))
    at = np.array([made.index(grid.position(corner)) for corner in corners])
    assert (at > -0.5 - 1e-3).all()
    assert (at < np.array(made.shape) - 0.5 + 1e-3).all()
    assert (np.ptp(at, axis=0) > np.array(made.shape) - 1 - 1e-3).all()  # and no more than they need


@given(spacings)
def test_what_lies_along_the_patients_axes_is_aligned(spacing):
    grid = Grid(np.diag([*spacing, 1.0]), (4, 5, 6), (-3, 2, 1))
    assert aligned(grid) is grid
    assert toward(grid, "RAS").grid(aligned(grid)).shape == toward(grid, "RAS").grid(grid).shape
