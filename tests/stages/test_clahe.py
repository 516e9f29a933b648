"""Equalization of a volume: any cut gives the whole, tiles in mm."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.clahe import Clahe
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


@settings(max_examples=20)
@given(volumes(), st.sampled_from([None, 5.0, 100.0]), st.sampled_from(["float16", "float32"]), st.data())
def test_any_cut_gives_the_whole(volume, kernel, dtype, data):
    made = check_any_cut_gives_the_whole(Clahe(0, 255, kernel, dtype=dtype), volume, data)
    assert made.array.dtype == dtype
    assert ((made.array >= 0) & (made.array <= 1)).all()


@pytest.mark.parametrize(
    ("kernel", "expected"), [(20.0, [10, 20, 16]), (1.0, [8, 8, 8]), (1e9, [30, 128, 100]), (None, [8, 16, 12])]
)
def test_tiles_are_in_mm_and_not_too_small(kernel, expected):
    assert Clahe(0, 1, kernel)._kernel(Grid(np.diag([2.0, 1.0, 1.25, 1.0]), (30, 128, 100))) == expected


def test_faint_structure_stands_out_where_the_window_hides_it():
    _, j, i = np.indices((16, 48, 48))
    array = (10 * ((i // 4 + j // 4) % 2) + 15 * i).astype("i2")
    volume = Volume(array, Grid(np.eye(4), array.shape))
    made = Clahe(0, 800, 12.0, clip_limit=0.05, dtype="float32")(volume, volume.grid, volume.spec).array
    plain = array / 800
    step = np.s_[8, 12:36, 12:36]
    assert np.abs(np.diff(made[step], axis=0)).max() > 2 * np.abs(np.diff(plain[step], axis=0)).max()


def test_labels_have_no_contrast():
    labels = Volume(np.zeros((2, 2, 2), "u1"), Grid(np.eye(4), (2, 2, 2)), "labels")
    with pytest.raises(KindError):
        Clahe(0, 1)(labels, labels.grid, labels.spec)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"lower": 5.0, "upper": 5.0}, "lower"),
        ({"lower": float("nan")}, "lower"),
        ({"kernel_mm": 0.0}, "kernel_mm"),
        ({"clip_limit": 1.5}, "clip_limit"),
        ({"bins": 1}, "bins"),
        ({"dtype": "uint8"}, "dtype"),
    ],
)
def test_fields_are_named(fields, word):
    with pytest.raises(ValueError, match=word):
        Clahe(**({"lower": 0.0, "upper": 1.0} | fields))
