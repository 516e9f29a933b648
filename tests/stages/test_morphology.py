"""Morphology of a label map: L11, what its operations are of each other, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.grid import Grid
from pipeline.stages.morphology import CALLS, Morphology
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

OPERATIONS = st.sampled_from(list(CALLS))


@given(volumes(kinds=("labels",)), OPERATIONS, st.sampled_from([0.6, 1.3, 4.0]), st.booleans(), st.data())
def test_any_cut_gives_the_whole(volume, operation, radius_mm, each, data):
    sparse = volume.with_array((volume.array == 3).astype("u1") * 3)
    chosen = data.draw(st.sampled_from([volume, sparse]))
    whole = check_any_cut_gives_the_whole(Morphology(operation, radius_mm, each), chosen, data)
    assert set(np.unique(whole.array)) <= ({0, *np.unique(chosen.array)} if each else {0, 1})


@given(volumes(kinds=("labels",)), OPERATIONS)
def test_each_label_is_a_mask_of_its_own(volume, operation):
    made = Morphology(operation, 1.3, each=True)(volume, volume.grid, volume.spec).array
    alone = {
        value: Morphology(operation, 1.3)(
            volume.with_array((volume.array == value).astype("u1")), volume.grid, volume.spec
        ).array
        for value in np.unique(volume.array[volume.array != 0])
    }
    expected = np.zeros_like(made)
    for value in sorted(alone, reverse=True):  # the lowest is written last
        expected[alone[value] != 0] = value
    for value, mask in alone.items():  # what a voxel was counts more
        own = volume.array == value
        expected[own] = np.where(mask[own] != 0, value, 0)
    np.testing.assert_array_equal(made, expected)


@given(volumes(kinds=("labels",)), st.data())
def test_more_than_the_reach_changes_nothing(volume, data):
    stage = Morphology(data.draw(OPERATIONS), 1.0)
    piece = volume.grid.crop((0, 0, 0), [data.draw(st.integers(1, n)) for n in volume.grid.shape])
    lean = volume.crop_to(stage.reach(piece, volume.spec))
    assert stage(volume, piece, volume.spec).array.tobytes() == stage(lean, piece, volume.spec).array.tobytes()


def test_a_voxel_becomes_the_ball_in_mm():
    grid = Grid(np.diag([2.0, 1.0, 0.5, 1.0]), (5, 9, 15))
    array = np.zeros(grid.shape, "u2")
    array[2, 4, 7] = 9
    volume = Volume(array, grid, "labels")
    k, j, i = np.indices(grid.shape)
    ball = (2 * (k - 2)) ** 2 + (j - 4) ** 2 + (0.5 * (i - 7)) ** 2 <= 4
    made = Morphology("dilate", 2.0)(volume, grid, volume.spec)
    np.testing.assert_array_equal(made.array, ball)
    np.testing.assert_array_equal(Morphology("erode", 2.0)(made, grid, made.spec).array, array != 0)


def test_beyond_the_border_lies_background():
    grid = Grid(np.eye(4), (3, 5, 5))
    volume = Volume(np.ones(grid.shape, "u1"), grid, "labels")
    eroded = Morphology("erode", 1.0)(volume, grid, volume.spec).array
    assert eroded.sum() == eroded[1, 1:4, 1:4].sum() == 9
    assert Morphology("close", 2.0)(volume, grid, volume.spec).array.all()
    assert Morphology("open", 1.0)(volume, grid, volume.spec).array.sum() == 75 - 8 - 12 - 4 * 4


def test_reach():
    grid = Grid(np.diag([2.0, 1.0, 0.5, 1.0]), (20, 20, 20))
    spec = Volume(np.zeros(grid.shape, "u1"), grid, "labels").spec
    piece = grid.crop((9, 9, 9), (10, 10, 10))
    assert Morphology("dilate", 2.0).reach(piece, spec) == piece.pad((1, 2, 4))
    assert Morphology("close", 2.0).reach(piece, spec) == piece.pad((2, 4, 8))
    assert Morphology("open", 9.0).reach(piece, spec) == grid.crop((1, 0, 0), (18, 20, 20))
    assert Morphology.takes == ("labels",)


@pytest.mark.parametrize(
    ("fields", "word"),
    [(("shrink", 1.0), "operation"), (("open", 0.0), "radius_mm"), (("open", float("inf")), "radius_mm")],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Morphology(*fields)
