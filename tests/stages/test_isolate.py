"""The largest thing alone: L11, SciPy as oracle, a table that touches, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.isolate import Isolate
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


@given(volumes(("int16", "uint8", "float32", "float16")), st.sampled_from([0.0, 0.5, 1.3]), st.data())
def test_any_cut_gives_the_whole(volume, thin_mm, data):
    whole = check_any_cut_gives_the_whole(Isolate(lower=60, thin_mm=thin_mm), volume, data)
    assert whole.array.dtype == volume.array.dtype
    fill = 0 if volume.array.dtype == np.uint8 else -1024
    assert ((whole.array == volume.array) | (whole.array == fill)).all()
    if thin_mm == 0:
        labels, n = ndimage.label(volume.array >= 60)
        sizes = np.bincount(labels.ravel(), minlength=2)[1:]
        thing = labels == 1 + sizes.argmax() if n else labels > 0
        filled = np.stack([ndimage.binary_fill_holes(plane) for plane in thing])
        np.testing.assert_array_equal(whole.array, np.where(filled, volume.array, np.asarray(fill, volume.array.dtype)))


def test_a_table_falls_off_and_the_lungs_stay():
    x = np.full((4, 40, 40), -1000, "i2")
    x[:, 5:30, 8:32] = 40
    x[:, 12:20, 14:22] = -850
    x[:, 30:32, :] = 300
    volume = Volume(x, Grid(np.diag([3.0, 1.0, 1.0, 1.0]), x.shape))
    made = Isolate(lower=-320, thin_mm=2.0)(volume, volume.grid, volume.spec).array
    np.testing.assert_array_equal(made[:, 7:28, 10:30], x[:, 7:28, 10:30])
    assert (made[:, 30:, :6] == -1024).all()  # what stands free of it
    assert (made[:, 30:, 34:] == -1024).all()
    touching = Isolate(lower=-320)(volume, volume.grid, volume.spec).array
    assert (touching[:, 30:32] == 300).all()


def test_the_fill_is_clipped_to_the_type():
    x = np.array([[[0, 200, 0]]], "u1")
    volume = Volume(x, Grid(np.eye(4), x.shape))
    assert Isolate(lower=100, fill=999.0)(volume, volume.grid, volume.spec).array.ravel().tolist() == [255, 200, 255]
    assert Isolate(lower=100, fill=2.5)(volume, volume.grid, volume.spec).array.ravel().tolist() == [2, 200, 2]


def test_refuses_labels():
    volume = Volume(np.ones((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    assert Isolate.takes == ("image",)
    with pytest.raises(KindError):
        Isolate(lower=0)(volume, volume.grid, volume.spec)


@pytest.mark.parametrize(
    "fields", [{"lower": float("nan")}, {"lower": 0, "thin_mm": -1.0}, {"lower": 0, "fill": float("inf")}]
)
def test_refuses(fields):
    with pytest.raises(ValueError, match=list(fields)[-1]):
        Isolate(**fields)
