"""Resample: L11, geometry, SimpleITK on the same grid, and what it refuses."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.resample import Resample
from pipeline.stages.window import Window
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, triples, turned, volumes

spacings = triples(st.floats(0.3, 6) | st.sampled_from([0.5, 1.0, 2.0]))
FRAMES = {
    "axial": turned((2.5, 0.7, 0.8)),
    "oblique": turned((2.5, 0.7, 0.8), (0.4, -0.2, 1.1), origin=(-120.0, 33.0, 7.5)),
    "negative": turned((1.25, 0.9, 0.9), (0.1, 0.0, 0.3), (-1, 1, -1), (4.0, -80.0, 250.0)),
}


@given(volumes(kinds=("image", "labels")), spacings, st.sampled_from([0, 1]), st.data())
@settings(max_examples=150)
def test_any_cut_gives_the_whole(volume, spacing, order, data):
    whole = check_any_cut_gives_the_whole(Resample(spacing, order, fill=-3), volume, data)
    assert whole.array.dtype == volume.array.dtype
    if volume.kind == "labels":
        assert np.isin(whole.array, [0, *np.unique(volume.array)]).all()


@given(volumes(), spacings, st.sampled_from([0, 1]), st.sampled_from(["float16", "float32", "uint8"]), st.data())
@settings(max_examples=60)
def test_fused_is_unfused_and_any_cut_of_it_gives_the_whole(volume, spacing, order, dtype, data):
    stage, window = Resample(spacing, order), Window(90, 130, dtype)
    between = stage.spec(volume.spec)
    fused = check_any_cut_gives_the_whole(stage, volume, data, ramp=window.ramp(between))
    two_steps = window(stage(volume, between.grid, volume.spec), between.grid, between)
    assert fused.array.dtype == np.dtype(dtype)
    assert fused.array.tobytes() == two_steps.array.tobytes()


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_field_that_is_linear_in_the_world_is_kept(frame):
    """Values are moved to where they were in the patient, whatever the directions."""
    grid = Grid(frame, (9, 12, 10), (3, -2, 5))
    volume = Volume(ramp_of_the_world(grid).astype("f4"), grid)
    stage = Resample((1.1, 1.3, 0.6))
    made = stage(volume, stage.spec(volume.spec).grid, volume.spec)
    inner = np.s_[3:-3, 2:-2, 2:-2]
    np.testing.assert_allclose(made.array[inner], ramp_of_the_world(made.grid)[inner], atol=1e-3)


def ramp_of_the_world(grid):
    return np.array([np.dot(grid.position(at), (1.0, -2.0, 0.5)) for at in np.ndindex(grid.shape)]).reshape(grid.shape)


def as_itk(array, grid):
    """Index order i, j, k; the same LPS."""
    image = sitk.GetImageFromArray(array)
    columns = grid.affine[:3, 2::-1]
    image.SetSpacing(np.linalg.norm(columns, axis=0).tolist())
    image.SetDirection((columns / np.linalg.norm(columns, axis=0)).ravel().tolist())
    image.SetOrigin(grid.affine[:3, 3].tolist())
    return image


def itk(array, source, target, interpolator, fill, dtype):
    reference = as_itk(np.zeros(target.shape, "u1"), target)
    pixel = {"int16": sitk.sitkInt16, "uint8": sitk.sitkUInt8, "float32": sitk.sitkFloat32}[dtype]
    made = sitk.Resample(as_itk(array, source), reference, sitk.Transform(), interpolator, fill, pixel)
    return sitk.GetArrayFromImage(made)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.1, 0.45, 1.7)])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_linear_is_simpleitks_borders_included(frame, spacing):
    source = Grid(frame, (13, 21, 18))
    array = np.random.default_rng(0).integers(-1024, 3000, source.shape).astype("i2")
    stage = Resample(spacing)
    volume = Volume(array, source)
    target = stage.spec(volume.spec).grid
    ours = stage(volume, target, volume.spec).array
    exact = itk(array, source, target, sitk.sitkLinear, -1024, "float32")
    clear = abs(exact % 1 - 0.5) > 0.01
    assert np.array_equal(ours[clear], np.rint(exact[clear]))
    stored = itk(array, source, target, sitk.sitkLinear, -1024, "int16")  # ITK cuts the fraction off
    assert abs(ours.astype(int) - stored).max() <= 1
    volume = Volume(array.astype("f4"), source)
    np.testing.assert_allclose(stage(volume, target, volume.spec).array, exact, atol=2e-3)


@pytest.mark.parametrize("spacing", [(1.0, 1.01, 1.02), (3.1, 0.45, 1.7)])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_labels_are_simpleitks_nearest(frame, spacing):
    source = Grid(frame, (13, 21, 18))
    volume = Volume(np.random.default_rng(0).integers(0, 5, source.shape).astype("u1"), source, "labels")
    stage = Resample(spacing)
    target = stage.spec(volume.spec).grid
    ours = stage(volume, target, volume.spec)
    theirs = itk(volume.array, source, target, sitk.sitkNearestNeighbor, 0, "uint8")
    # Midway between two voxels ITK goes by its own rounding noise.
    lines = zip(source.axes(target), target.shape, strict=True)
    clear = [abs((np.arange(n) * step + offset) % 1 - 0.5) > 1e-6 for (step, offset), n in lines]
    assert np.array_equal(ours.array[np.ix_(*clear)], theirs[np.ix_(*clear)])
    assert all(c.mean() > 0.7 for c in clear)


@given(volumes(kinds=("image", "labels")))
def test_the_same_spacing_changes_nothing(volume):
    stage = Resample(volume.grid.spacing)
    grid = stage.spec(volume.spec).grid
    assert grid.shape == volume.grid.shape
    assert stage(volume, grid, volume.spec).array.tobytes() == volume.array.tobytes()


@pytest.mark.parametrize(
    ("kind", "dtype", "fill", "expected"),
    [
        ("image", "int16", None, -1024),
        ("image", "float32", None, -1024),
        ("image", "uint16", None, 0),
        ("image", "int16", 7.4, 7),
        ("image", "uint8", -5, 0),
        ("labels", "uint8", 9, 0),
    ],
)
def test_fill(kind, dtype, fill, expected):
    """A piece that begins one slice before the source."""
    grid = Grid(np.eye(4), (2, 4, 4))
    volume = Volume(np.ones(grid.shape, dtype), grid, kind)
    stage = Resample((1.0, 1.0, 1.0), fill=fill)
    piece = stage.spec(volume.spec).grid.crop((-1, 0, 0), (1, 4, 4))
    made = stage(volume, piece, volume.spec).array
    assert (made[0] == expected).all()
    assert (made[1] == 1).all()


def test_a_slice_thinner_than_half_the_spacing_becomes_one_slice_with_its_values():
    grid = Grid(np.eye(4), (1, 4, 4))
    volume = Volume(np.arange(16, dtype="i2").reshape(1, 4, 4), grid)
    stage = Resample((5.0, 1.0, 1.0))
    made = stage(volume, stage.spec(volume.spec).grid, volume.spec)
    np.testing.assert_array_equal(made.array, volume.array)


def test_an_empty_piece_needs_nothing():
    grid = Grid(np.eye(4), (4, 4, 4), (2, 2, 2))
    volume = Volume(np.ones(grid.shape, "i2"), grid)
    piece = Resample((1, 1, 1)).spec(volume.spec).grid.crop((1, 1, 1), (1, 3, 3))
    reach = Resample((1, 1, 1)).reach(piece, volume.spec)
    assert reach.size == 0
    assert Resample((1, 1, 1))(volume.crop_to(reach), piece, volume.spec).array.shape == (0, 2, 2)


def test_labels_have_no_ramp():
    grid = Grid(np.eye(4), (4, 4, 4))
    volume = Volume(np.ones(grid.shape, "u1"), grid, "labels")
    with pytest.raises(KindError):
        Resample((1, 1, 1))(volume, grid, volume.spec, ramp=Window(0, 1).ramp(volume.spec))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"spacing": (1, 0, 1)}, "spacing"),
        ({"spacing": (1, 1)}, "spacing"),
        ({"spacing": (1, float("nan"), 1)}, "spacing"),
        ({"order": 3}, "order"),
        ({"antialias": True}, "antialias"),
        ({"fill": float("inf")}, "fill"),
    ],
)
def test_refuses(change, word):
    with pytest.raises(ValueError, match=word):
        Resample(**({"spacing": (1, 1, 1)} | change))
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(Resample).validate_python({"spacing": [1, 1, 1]} | change)


def test_a_recipe_makes_one():
    made = TypeAdapter(Resample).validate_python({"spacing": [1, 1, 2.5], "antialias": False})
    assert made == Resample((1.0, 1.0, 2.5))
