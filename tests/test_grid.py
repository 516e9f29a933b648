"""Geometry without voxels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import GeometryError
from pipeline.grid import Grid
from tests.strategies import cuts, frames, grids, spacings


@given(st.data())
def test_a_voxel_keeps_its_place_through_crop_pad_and_blocks(data):
    grid = data.draw(grids())
    piece = data.draw(cuts(grid))
    offset = np.subtract(piece.start, grid.start)
    np.testing.assert_allclose(piece.position((0, 0, 0)), grid.position(offset), atol=1e-9)
    assert piece.pad(3).position((3, 3, 3)) == pytest.approx(piece.position((0, 0, 0)), abs=1e-9)
    assert grid.clip(piece.pad(100)) == grid
    assert grid.hull(piece) == grid


@given(grids(), st.tuples(*[st.integers(1, 6)] * 3))
def test_blocks_tile_the_grid(grid, size):
    seen = np.zeros(grid.shape, int)
    for block in grid.blocks(size):
        seen[grid.slices(block)] += 1
        assert all(n <= s for n, s in zip(block.shape, size, strict=True))
    assert (seen == 1).all()


@given(grids(), spacings)
def test_respacing_keeps_the_first_faces_and_moves_the_last_by_half_a_voxel_at_most(grid, spacing):
    other = grid.respace(spacing)
    np.testing.assert_allclose(other.spacing, spacing, rtol=1e-12)
    ends = zip(grid.shape, grid.spacing, other.shape, spacing, grid.axes(other), strict=True)
    for n, old, m, new, (step, offset) in ends:
        if round(n * old / new):
            assert offset - step / 2 == pytest.approx(-0.5, abs=1e-6)
            assert abs(n * old - m * new) <= new / 2 * (1 + 1e-9)
        else:
            assert (m, offset) == (1, pytest.approx((n - 1) / 2, abs=1e-6))


@given(frames(), st.tuples(*[st.floats(-50, 50)] * 3))
def test_affine_and_position_say_the_same(frame, index):
    grid = Grid(frame, (4, 5, 6), (7, -8, 9))
    np.testing.assert_allclose(grid.affine @ [*index, 1], [*grid.position(index), 1], atol=1e-6)


@given(frames(), st.tuples(*[st.floats(-50, 50)] * 3))
def test_index_undoes_position(frame, index):
    grid = Grid(frame, (4, 5, 6), (7, -8, 9))
    np.testing.assert_allclose(grid.index(grid.position(index)), index, atol=1e-6)


@given(frames(), frames(), st.tuples(*[st.floats(-9, 9)] * 3))
def test_a_matrix_maps_lattice_to_lattice(frame, other, index):
    here, there = Grid(frame, (4, 5, 6)), Grid(other, (4, 5, 6), (3, -2, 5))
    lattice = np.array(here.matrix(there)) @ [*np.add(index, there.start), 1]
    np.testing.assert_allclose(here.position(lattice), there.position(index), atol=1e-6)


@given(grids(), spacings)
def test_axes_map_lattice_to_lattice(grid, spacing):
    other = grid.respace(spacing)
    for axis, (step, offset) in enumerate(grid.axes(other)):
        index = [0.0, 0.0, 0.0]
        index[axis] = 5.0
        there = np.array(other.position(index))
        inside = [o for _, o in grid.axes(other)]
        inside[axis] = 5 * step + offset
        np.testing.assert_allclose(grid.position(inside), there, atol=1e-6)


def test_rotated_grids_have_no_common_axes():
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    with pytest.raises(GeometryError, match="not parallel"):
        Grid(np.eye(4), (2, 2, 2)).axes(Grid(turned, (2, 2, 2)))


@pytest.mark.parametrize("frame", [np.zeros((4, 4)), np.diag([1, 1, np.nan, 1]), np.diag([1, 1, 0, 1])])
def test_a_frame_that_places_nothing_is_refused(frame):
    with pytest.raises(GeometryError):
        Grid(frame, (2, 2, 2))


def test_pieces_of_other_frames_or_outside_are_refused():
    grid = Grid(np.eye(4), (4, 4, 4))
    with pytest.raises(GeometryError, match="not inside"):
        grid.slices(grid.pad(1))
    with pytest.raises(GeometryError, match="different frames"):
        grid.slices(Grid(2 * np.eye(4), (2, 2, 2)))


def test_values_compare_and_hash_by_bits():
    a, b = (Grid(np.diag([2.5, 0.7, 0.7, 1]), (4, 4, 4)) for _ in range(2))
    assert a == b
    assert hash(a) == hash(b)
    assert a != Grid(np.diag([2.5 + 1e-15, 0.7, 0.7, 1]), (4, 4, 4))
    assert a.voxel_mm3 == pytest.approx(2.5 * 0.49)
