"""A field in patient space: any cut gives the whole, on any grid along its axes."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import GeometryError, KindError
from pipeline.grid import Grid
from pipeline.stages.biasfield import BiasField
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, turned, volumes


def nested(control):
    return tuple(tuple(map(tuple, plane)) for plane in control.tolist())


def field(grid, seed=0, spans=(1, 2, 3)):
    """A random field whose knots reach over the middle of a grid."""
    control = np.random.default_rng(seed).normal(0, 0.3, tuple(n + 3 for n in spans)).astype("f4").astype("f8")
    frame = np.array(grid.affine)
    frame[:3, :3] *= [max(n - 2, 1) / m for n, m in zip(grid.shape, spans, strict=True)]
    return BiasField(nested(control), tuple(map(tuple, frame.tolist())))


@settings(max_examples=40)
@given(volumes(dtypes=("int16", "uint8", "float32", "float16")), st.integers(0, 99), st.data())
def test_any_cut_gives_the_whole(volume, seed, data):
    made = check_any_cut_gives_the_whole(field(volume.grid, seed), volume, data)
    assert made.array.dtype == volume.array.dtype


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1)])
def test_the_field_stays_where_it_is_when_the_axes_are_turned(order, flips):
    grid = Grid(turned((2.0, 1.0, 1.5), (0.2, -0.4, 1.0)), (5, 6, 7))
    volume = Volume(np.random.default_rng(0).uniform(50, 100, grid.shape).astype("f4"), grid)
    stage = field(grid)
    expected = stage(volume, grid, volume.spec).array.transpose(order)
    frame, array = grid.affine[:, [*order, 3]], volume.array.transpose(order)
    for axis, flip in enumerate(flips):
        if flip < 0:
            frame[:3, 3] += frame[:3, axis] * (array.shape[axis] - 1)
            frame[:3, axis] *= -1
            array, expected = np.flip(array, axis), np.flip(expected, axis)
    other = Volume(np.ascontiguousarray(array), Grid(frame, array.shape))
    np.testing.assert_allclose(stage(other, other.grid, other.spec).array, expected, rtol=1e-6)


def test_a_finer_grid_sees_the_same_field():
    grid = Grid(np.diag([2.0, 2.0, 2.0, 1.0]), (6, 6, 6))
    fine = Grid(np.eye(4), (11, 11, 11))
    coarse, dense = (Volume(np.ones(g.shape, "f4"), g) for g in (grid, fine))
    stage = field(grid)
    there = stage(dense, fine, dense.spec).array[::2, ::2, ::2]
    np.testing.assert_allclose(stage(coarse, grid, coarse.spec).array, there, rtol=1e-6)


def test_axes_that_are_not_parallel_are_refused():
    grid = Grid(np.eye(4), (5, 5, 5))
    oblique = Grid(turned((1.0, 1.0, 1.0), (0.3, 0.0, 0.0)), (5, 5, 5))
    volume = Volume(np.ones((5, 5, 5), "f4"), oblique)
    with pytest.raises(GeometryError):
        field(grid)(volume, oblique, volume.spec)


def test_labels_have_no_field():
    labels = Volume(np.zeros((5, 5, 5), "u1"), Grid(np.eye(4), (5, 5, 5)), "labels")
    with pytest.raises(KindError):
        field(labels.grid)(labels, labels.grid, labels.spec)


@pytest.mark.parametrize(
    "control",
    [(), np.zeros((3, 4, 4)), np.full((4, 4, 4), np.nan), np.full((4, 4, 4), 81.0), ((((0.0,) * 4,) * 4) * 3, ()) * 2],
)
def test_control_points_are_a_box_of_numbers(control):
    with pytest.raises(ValueError, match="control"):
        BiasField(nested(control) if isinstance(control, np.ndarray) else control, Grid(np.eye(4), (1, 1, 1)).frame)
