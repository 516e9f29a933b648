"""Resample where axes change: tilted gantries straightened, oblique volumes brought onto the patient's axes."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from pipeline.grid import Grid
from pipeline.orientation import aligned, codes, straightened
from pipeline.stages.resample import Resample
from pipeline.stages.window import Window
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, triples, turned
from tests.stages.test_resample import itk
from tests.test_orientation import sheared

ORDERS = st.sampled_from([0, 1, 3, "area"])


def tilted(degrees=15.0):
    """A head CT with its gantry tilted: each slice lies a little further along j."""
    lean = 5.0 * np.tan(np.radians(degrees))
    return np.array([[0, 0, 0.6, 0], [0, 0.6, 0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1.0]]) + np.outer(
        [0, lean, 0, 0], [1, 0, 0, 0]
    )


@given(
    sheared(),
    st.sampled_from(["int16", "float32", "labels"]),
    triples(st.floats(0.5, 5)),
    ORDERS,
    st.booleans(),
    st.sampled_from(["source", "patient"]),
    st.sampled_from(["nearest", "linear"]),
    st.data(),
)
@settings(max_examples=40)
def test_any_cut_gives_the_whole(grid, what, spacing, order, antialias, align, labels, data):
    rng = np.random.default_rng(0)
    if what == "labels":
        volume = Volume(rng.integers(0, 4, grid.shape).astype("u1"), grid, "labels")
    else:
        volume = Volume(rng.normal(80, 50, grid.shape).astype(what), grid)
    stage = Resample(spacing, order, antialias and order in (1, 3), labels=labels, align=align, fill=-3)
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    columns = whole.grid.affine[:3, :3] / whole.grid.spacing
    np.testing.assert_allclose(columns.T @ columns, np.eye(3), atol=2e-4)
    if align == "patient":
        assert ((abs(columns) > 0.99).sum(0) == 1).all()
        assert codes(whole.grid) == codes(grid)


@pytest.mark.parametrize("align", ["source", "patient"])
@pytest.mark.parametrize("order", [1, 3])
def test_a_tilted_stack_is_straightened_in_one_interpolation(order, align):
    """SciPy in float64, once, at the positions that the two affines say (SimpleITK takes no sheared frames)."""
    grid = Grid(tilted(), (9, 40, 44))
    volume = Volume(np.random.default_rng(0).integers(-1024, 3000, grid.shape).astype("i2"), grid)
    stage = Resample((2.0, 0.9, 0.7), order, align=align)
    target = stage.spec(volume.spec).grid
    assert codes(target) == codes(grid) == "LPS"
    lattice = np.indices(target.shape).reshape(3, -1)
    at = (np.linalg.inv(grid.affine) @ target.affine @ [*lattice, np.ones(lattice.shape[1])])[:3]
    at = np.rint(at * 2**30) / 2**30
    inside = np.all([(p >= -0.5 - 1e-6) & (p <= n - 0.5 + 1e-6) for p, n in zip(at, grid.shape, strict=True)], axis=0)
    mode = "nearest" if order == 1 else "mirror"
    expected = map_coordinates(volume.array.astype("f8"), at, order=order, mode=mode)
    made = stage(volume, target, volume.spec).array.ravel()
    assert 0.5 < inside.mean() < 1
    assert (made[~inside] == -1024).all()
    clear = inside & (abs(expected % 1 - 0.5) > 0.05)
    assert np.array_equal(made[clear], np.rint(expected[clear]))


@pytest.mark.parametrize("interpolator", ["linear", "nearest"])
def test_an_oblique_volume_on_the_patients_axes_is_simpleitks(interpolator):
    grid = Grid(turned((2.5, 0.7, 0.8), (0.2, -0.15, 0.3), origin=(-120.0, 33.0, 7.5)), (13, 31, 28))
    rng = np.random.default_rng(0)
    if interpolator == "linear":
        volume = Volume(rng.normal(0, 500, grid.shape).astype("f4"), grid)
    else:
        volume = Volume(rng.integers(0, 5, grid.shape).astype("u1"), grid, "labels")
    stage = Resample((1.3, 1.1, 0.9), align="patient")
    target = stage.spec(volume.spec).grid
    made = stage(volume, target, volume.spec).array
    if interpolator == "linear":
        theirs = itk(volume.array, grid, target, sitk.sitkLinear, -1024, "float32")
        apart = abs(made - theirs) > 2e-3
        assert apart.mean() < 1e-3  # ITK's volume ends on the face itself, to the last bit
    else:
        theirs = itk(volume.array, grid, target, sitk.sitkNearestNeighbor, 0, "uint8")
        assert (made != theirs).mean() < 1e-3
    assert (theirs != theirs[0, 0, 0]).mean() > 0.2


def test_what_is_straight_keeps_its_path():
    grid = Grid(turned((2.5, 0.7, 0.8), (0.2, -0.15, 0.3)), (5, 6, 7))
    assert straightened(grid) is grid
    axial = Grid(np.diag([2.5, 0.7, 0.8, 1.0]), (5, 6, 7))
    assert aligned(axial) is axial
    volume = Volume(np.random.default_rng(0).integers(-1024, 3000, grid.shape).astype("i2"), axial)
    plain, patient = Resample((1.0, 1.0, 1.0)), Resample((1.0, 1.0, 1.0), align="patient")
    target = plain.spec(volume.spec).grid
    assert patient.spec(volume.spec).grid == target
    assert np.array_equal(patient(volume, target, volume.spec).array, plain(volume, target, volume.spec).array)


def test_a_window_is_fused_there_too():
    grid = Grid(tilted(), (6, 20, 22))
    volume = Volume(np.random.default_rng(0).integers(-1024, 3000, grid.shape).astype("i2"), grid)
    stage, window = Resample((2.0, 0.9, 0.7)), Window(40, 400, "float16")
    between = stage.spec(volume.spec)
    fused = stage(volume, between.grid, volume.spec, ramp=window.ramp(between))
    two_steps = window(stage(volume, between.grid, volume.spec), between.grid, between)
    assert fused.array.tobytes() == two_steps.array.tobytes()


def test_refuses():
    with pytest.raises(ValueError, match="align"):
        Resample((1.0, 1.0, 1.0), align="scanner")
