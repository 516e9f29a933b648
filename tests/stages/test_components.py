"""Components chosen by size and place: L11, SimpleITK as oracle, ties, borders, and what it refuses."""

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.grid import Grid
from pipeline.stages.components import Components
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

SPARSE = volumes(kinds=("labels",)).map(lambda v: v.with_array((v.array == 2).astype("u1") * 2))


def labelled(array, spacing=(1.0, 1.0, 1.0)):
    return Volume(array, Grid(np.diag([*spacing, 1.0]), array.shape), "labels")


def made(stage, volume):
    return stage(volume, volume.grid, volume.spec).array


@given(
    SPARSE,
    st.sampled_from([None, 1, 3, 300]),
    st.sampled_from([0.0, 0.002]),
    st.sampled_from(["none", "in-plane", "any"]),
    st.booleans(),
    st.sampled_from([6, 26]),
    st.booleans(),
    st.data(),
)
def test_any_cut_gives_the_whole(volume, largest, min_ml, drop_border, numbered, connectivity, by_place, data):
    numbered = numbered and largest is not None
    order = "right-to-left" if by_place and numbered else "size"
    stage = Components(largest, min_ml, drop_border, numbered, connectivity, order)
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == stage.spec(volume.spec).dtype
    assert not whole.array[volume.array == 0].any()


@pytest.mark.parametrize("connectivity", [6, 26])
def test_equals_simpleitk(connectivity):
    rng = np.random.default_rng(3)
    mask = (ndimage.gaussian_filter(rng.normal(size=(30, 40, 50)), 1.2) > 0.1).astype("u1")
    parts = SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(mask), connectivity == 26)
    ordered = SimpleITK.GetArrayFromImage(SimpleITK.RelabelComponent(parts))
    sizes = np.bincount(ordered.ravel())[1:]
    clear = int(np.flatnonzero(np.diff(sizes) == 0)[0])  # beyond, ties have an order of their own
    assert clear >= 2
    stage = Components(largest=clear, numbered=True, connectivity=connectivity)
    np.testing.assert_array_equal(made(stage, labelled(mask)), np.where(ordered <= clear, ordered, 0))
    small = Components(min_ml=sizes[clear] / 1000, connectivity=connectivity)
    np.testing.assert_array_equal(
        made(small, labelled(mask)), (ordered > 0) & (ordered <= np.sum(sizes >= sizes[clear]))
    )


def test_of_equals_the_first_comes_first():
    volume = labelled(np.array([[[1, 0, 1, 1, 0, 5, 5, 0, 1]]], "u1"))
    assert made(Components(largest=3, numbered=True), volume).ravel().tolist() == [3, 0, 1, 1, 0, 2, 2, 0, 0]
    assert made(Components(largest=1), volume).ravel().tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, 1, -1), (-1, -1, -1)])
def test_right_to_left_is_the_patients_whatever_the_axes(flips):
    array = np.zeros((4, 5, 12), "u1")
    array[:, :, 0] = array[:, :3, 4] = array[:, :2, 9:11] = 1  # the largest, then the last, then the middle one
    array[0, 0, 7] = 1
    frame = np.zeros((4, 4))
    frame[2, 0], frame[1, 1], frame[0, 2], frame[3, 3] = flips[0] * 3.0, flips[1] * 2.0, flips[2] * 1.5, 1.0
    stage = Components(largest=3, numbered=True, order="right-to-left")
    made_here = made(stage, Volume(array, Grid(frame, array.shape, (5, -2, 3)), "labels"))
    assert [made_here[0, 0, i] for i in (0, 4, 9)] == ([1, 2, 3] if flips[2] > 0 else [3, 2, 1])
    assert made_here[0, 0, 7] == 0


def test_volume_is_that_of_the_source():
    volume = labelled(np.array([[[1, 1, 0, 1]]], "u1"), (10.0, 10.0, 5.0))
    assert made(Components(min_ml=1.0), volume).ravel().tolist() == [1, 1, 0, 0]
    assert made(Components(min_ml=1.01), volume).ravel().tolist() == [0, 0, 0, 0]


def test_borders():
    array = np.zeros((3, 5, 5), "u1")
    array[1, 2, 2] = array[0, 2, 0] = array[2, 2, 4] = array[1, 0, 2] = array[1, 4, 4] = 1
    array[0, 1, 2] = 1
    inside, on_end = (1, 2, 2), (0, 1, 2)
    kept = made(Components(drop_border="in-plane"), labelled(array))
    assert list(map(tuple, np.argwhere(kept).tolist())) == [on_end, inside]
    kept = made(Components(drop_border="any"), labelled(array))
    assert list(map(tuple, np.argwhere(kept).tolist())) == [inside]
    assert made(Components(largest=1, drop_border="any"), labelled(array))[inside] == 1


def test_labels_of_many_need_two_bytes():
    spec = labelled(np.zeros((1, 1, 1), "u1")).spec
    assert Components(largest=255, numbered=True).spec(spec).dtype == np.uint8
    assert Components(largest=256, numbered=True).spec(spec).dtype == np.uint16
    assert Components(largest=256).spec(spec).dtype == np.uint8
    assert Components.takes == ("labels",)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"largest": 0}, "largest"),
        ({"largest": 65536}, "largest"),
        ({"min_ml": -1.0}, "min_ml"),
        ({"min_ml": float("nan")}, "min_ml"),
        ({"drop_border": "all"}, "drop_border"),
        ({"numbered": True}, "largest"),
        ({"connectivity": 18}, "connectivity"),
        ({"largest": 2, "numbered": True, "order": "left"}, "order"),
        ({"largest": 2, "order": "right-to-left"}, "numbered"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Components(**fields)
