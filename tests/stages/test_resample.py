"""Resample: L11, geometry, SimpleITK on the same grid, and what it refuses."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import ndimage
from skimage import transform

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.kernels.ramp import DTYPES
from pipeline.stages.resample import CONVENTIONS, Resample
from pipeline.stages.window import Window
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, triples, turned, volumes

spacings = triples(st.floats(0.3, 6) | st.sampled_from([0.5, 1.0, 2.0]))
FRAMES = {
    "axial": turned((2.5, 0.7, 0.8)),
    "oblique": turned((2.5, 0.7, 0.8), (0.4, -0.2, 1.1), origin=(-120.0, 33.0, 7.5)),
    "negative": turned((1.25, 0.9, 0.9), (0.1, 0.0, 0.3), (-1, 1, -1), (4.0, -80.0, 250.0)),
}


resamples = st.builds(
    lambda spacing, order, antialias, *more: Resample(spacing, order, antialias and order in (1, 3), -3, *more),
    spacings,
    st.sampled_from([0, 1, 3, "area"]),
    st.booleans(),
    st.sampled_from(["nearest", "linear"]),
    st.sampled_from([None, 2.0]),
    st.sampled_from(sorted(CONVENTIONS)),
)


@given(volumes(kinds=("image", "labels")), resamples, st.data())
@settings(max_examples=200, deadline=None)
def test_any_cut_gives_the_whole(volume, stage, data):
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == volume.array.dtype
    if volume.kind == "labels":
        assert np.isin(whole.array, [0, *np.unique(volume.array)]).all()


@given(
    volumes(dtypes=("int16", "uint8", "float32")), spacings, st.sampled_from([0, 1]), st.sampled_from(DTYPES), st.data()
)
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


@given(volumes(dtypes=("int16",)), spacings, st.data())
@settings(max_examples=30, deadline=None)
def test_a_fused_cubic_is_two_steps_in_any_cut(volume, spacing, data):
    stage, window = Resample(spacing, 3), Window(90, 130, "float16")
    between = stage.spec(volume.spec)
    fused = check_any_cut_gives_the_whole(stage, volume, data, ramp=window.ramp(between))
    two_steps = window(stage(volume, between.grid, volume.spec), between.grid, between)
    assert fused.array.tobytes() == two_steps.array.tobytes()


@given(st.sampled_from([3, "area"]), st.data())
@settings(max_examples=12, deadline=None)
def test_any_cut_of_more_rows_than_are_made_at_once_gives_the_whole(order, data):
    array = np.random.default_rng(0).integers(-1024, 3000, (60, 100, 17), "i2")
    volume = Volume(array, Grid(FRAMES["oblique"], array.shape, (3, -2, 5)))
    check_any_cut_gives_the_whole(Resample((1.9, 0.55, 1.1), order, antialias=order == 3), volume, data)


@pytest.mark.parametrize("spacing", [(1.0, 1.01, 1.02), (3.1, 0.45, 1.7)])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_cubic_is_simpleitks_borders_included(frame, spacing):
    source = Grid(frame, (13, 21, 18))
    volume = Volume(np.random.default_rng(0).uniform(-1024, 3000, source.shape).astype("f4"), source)
    stage = Resample(spacing, 3)
    target = stage.spec(volume.spec).grid
    exact = itk(volume.array, source, target, sitk.sitkBSpline, -1024, "float32")
    np.testing.assert_allclose(stage(volume, target, volume.spec).array, exact, atol=2e-6 * 4024)


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


@given(volumes(kinds=("image", "labels")), st.sampled_from([0, 1, 3]))
def test_the_same_spacing_changes_nothing(volume, order):
    stage = Resample(volume.grid.spacing, order)
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
        ({"order": 2}, "order"),
        ({"antialias": True, "order": "area"}, "antialias"),
        ({"labels": "cubic"}, "labels"),
        ({"anisotropy": 0.5}, "anisotropy"),
        ({"preset": "elastix"}, "preset"),
        ({"fill": float("inf")}, "fill"),
    ],
)
def test_refuses(change, word):
    with pytest.raises(ValueError, match=word):
        Resample(**({"spacing": (1, 1, 1)} | change))
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(Resample).validate_python({"spacing": [1, 1, 1]} | change)


def applied(stage, array, spacing, kind="image"):
    volume = Volume(array, Grid(np.diag([*spacing, 1.0]), array.shape), kind)
    return stage(volume, stage.spec(volume.spec).grid, volume.spec)


smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 900, (12, 19, 23)), 1).astype("f4")
OLD = (1.7, 0.8, 0.7)


@pytest.mark.parametrize("new", [(1.0, 1.0, 1.0), (2.5, 0.4, 1.9)])
@pytest.mark.parametrize(("order", "interpolator"), [(0, 1), (1, 2), (3, 23)])
def test_itk_is_the_usual_script(new, order, interpolator):
    image = sitk.GetImageFromArray(smooth)
    image.SetSpacing(OLD[::-1])
    size = [round(n * old / s) for n, old, s in zip(smooth.shape, OLD, new, strict=True)]
    more = (image.GetOrigin(), new[::-1], image.GetDirection(), -1024.0, sitk.sitkFloat32)
    made = sitk.Resample(image, size[::-1], sitk.Transform(), interpolator, *more)
    ours = applied(Resample(new, order, preset="itk"), smooth, OLD).array
    expected = sitk.GetArrayFromImage(made)
    if order == 0:
        assert (ours == expected).mean() > 0.95  # midway between two voxels ITK goes by its own rounding noise
    else:
        np.testing.assert_allclose(ours, expected, atol=1e-6 * np.ptp(smooth))


@pytest.mark.parametrize("new", [(1.0, 1.0, 1.0), (2.5, 0.4, 1.9)])
@pytest.mark.parametrize("order", [0, 1, 3])
def test_nnunet_is_scikit_images_resize(new, order):
    made = applied(Resample(new, order, preset="nnunet", anisotropy=99), smooth, OLD)
    expected = transform.resize(smooth.astype("f8"), made.grid.shape, order, mode="edge", anti_aliasing=False)
    inside = made.array.clip(smooth.min(), smooth.max())
    np.testing.assert_allclose(inside, expected, atol=1e-6 * np.ptp(smooth))
    assert np.multiply(made.grid.spacing, made.grid.shape) == pytest.approx(np.multiply(OLD, smooth.shape))


@pytest.mark.parametrize("order", [1, 3])
def test_totalsegmentator_is_scipys_zoom(order):
    made = applied(Resample((1.0, 0.4, 1.9), order, preset="totalsegmentator"), smooth, OLD)
    factors = np.divide(OLD, (1.0, 0.4, 1.9))
    expected = ndimage.zoom(smooth.astype("f8"), factors, order=order)
    np.testing.assert_allclose(made.array, expected, atol=1e-6 * np.ptp(smooth))


def test_monai_keeps_the_first_centre_and_never_fills():
    made = applied(Resample((4.0, 1.0, 1.0), preset="monai"), smooth, OLD)
    assert made.grid.position((0, 0, 0)) == pytest.approx((0, 0, 0))
    assert made.grid.shape == (6, 15, 16)  # round((n - 1) * old / new + 1), as its compute_shape_offset
    last = applied(Resample((4.0, 0.8, 0.7), preset="monai"), smooth, OLD).array[-1]
    np.testing.assert_array_equal(last, smooth[-1])  # 20 mm, beyond the last centre at 18.7 mm


def test_torchio_keeps_the_middle_and_never_goes_beyond():
    made = applied(Resample((1.0, 0.5, 1.3), preset="torchio"), smooth, OLD)
    middle = [(n - 1) / 2 for n in made.grid.shape]
    assert made.grid.position(middle) == pytest.approx(
        [(n - 1) / 2 * s for n, s in zip(smooth.shape, OLD, strict=True)]
    )
    assert made.grid.shape == (20, 30, 12)
    assert made.array.min() > -1024 or smooth.min() <= -1024


@pytest.mark.parametrize(
    ("source", "target", "axis"),
    [
        ((4.0, 1.0, 1.0), (1.0, 1.0, 1.0), 0),
        ((1.0, 1.0, 4.0), (1.0, 1.0, 1.0), 2),
        ((3.0, 1.0, 1.0), (1.0, 1.0, 1.0), None),  # three times is not more than three times
        ((1.0, 1.0, 1.0), (1.0, 4.0, 1.0), 1),
        ((4.0, 4.0, 1.0), (1.0, 1.0, 1.0), None),
        ((4.0, 1.0, 1.0), (1.0, 4.0, 1.0), 0),
    ],
)
def test_a_coarse_axis_is_resampled_by_nearest(source, target, axis):
    """nnU-Net's rule: the source's own anisotropy first, then that of the new spacing; never two axes."""
    array = smooth[:8, :9, :10]
    one = applied(Resample(target, 3, anisotropy=3), array, source)
    many = applied(Resample(target, 3), array, source)
    if axis is None:
        assert np.array_equal(one.array, many.array)
        return
    spacing = list(source)
    spacing[axis] = target[axis]
    by_nearest = applied(Resample(tuple(spacing), 0), array, source)
    frame = by_nearest.grid
    rest = Resample(target, 3)(by_nearest, rest_grid := Resample(target).spec(by_nearest.spec).grid, by_nearest.spec)
    assert rest_grid.shape == one.grid.shape
    assert frame.shape[axis] == one.grid.shape[axis]
    np.testing.assert_allclose(rest.array, one.array, atol=1e-3)


def test_antialias_smooths_what_becomes_coarser():
    sigma = (0, np.sqrt((1.6 / 0.8) ** 2 - 1) / 2.3548200450309493, 0)
    calm = ndimage.gaussian_filter(smooth.astype("f8"), sigma, mode="nearest").astype("f4")
    new = (1.0, 1.6, 0.7)
    for order in (1, 3):
        ours = applied(Resample(new, order, antialias=True), smooth, OLD).array
        np.testing.assert_allclose(ours, applied(Resample(new, order), calm, OLD).array, atol=2e-3)


def test_area_is_the_mean_of_what_a_voxel_covers():
    made = applied(Resample((3.4, 0.8, 1.4), "area"), smooth[:, :, :22], OLD).array
    expected = smooth[:, :, :22].reshape(6, 2, 19, 11, 2).mean((1, 4))
    np.testing.assert_allclose(made, expected, atol=1e-3)


def test_labels_by_linear_interpolation_keep_their_numbers():
    labels = np.zeros((6, 20, 20), "u2")
    labels[2:4, 5:15, 5:15] = 7
    labels[2:4, 9:11, 9:11] = 300
    made = applied(Resample((0.5, 0.45, 0.45), labels="linear"), labels, (1.0, 1.0, 1.0), "labels").array
    assert made.dtype == labels.dtype
    assert set(np.unique(made)) == {0, 7, 300}


def test_a_recipe_makes_one():
    made = TypeAdapter(Resample).validate_python({"spacing": [1, 1, 2.5], "antialias": False})
    assert made == Resample((1.0, 1.0, 2.5))
