"""Voxels on another grid: the way there, the way back, any cut, float64 oracles."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates

from pipeline.elastic import Elastic
from pipeline.grid import Grid
from pipeline.kernels.ramp import window
from pipeline.orientation import toward
from pipeline.regrid import inside, reach, regrid
from pipeline.volume import Volume
from tests.stages.cuts import pieces, turned, volumes
from tests.strategies import cuts
from tests.test_orientation import sheared, wanted

ORDERS = st.sampled_from([0, 1, 3])
BEND = Elastic(control_mm=6.0, magnitude_mm=2.0, key=12345678901234567890)


def near(data, grid):
    """A grid that overlaps, on any frame: its own, turned, respaced, sheared, rotated."""
    kind = data.draw(st.sampled_from(["own", "turned", "respaced", "other"]))
    if kind == "own":
        return grid.crop((-1, 0, 1), [n + 1 for n in grid.shape])
    if kind == "turned":
        return toward(grid, data.draw(wanted)).grid(grid)
    if kind == "respaced":
        return toward(grid, data.draw(wanted)).grid(grid.respace((1.1, 2.3, 0.9)))
    other = data.draw(sheared())
    middle, centre = (g.position([(n - 1) / 2 for n in g.shape]) for g in (grid, other))
    frame = np.array(other.frame)
    frame[:3, 3] += np.subtract(middle, centre)
    return Grid(frame, other.shape, other.start)


@given(volumes(kinds=("image", "labels")), ORDERS, st.booleans(), st.booleans(), st.data())
@settings(max_examples=50)
def test_any_cut_gives_the_whole(volume, order, antialias, bent, data):
    grid, whole = near(data, volume.grid), volume.grid
    elastic = BEND if bent else None
    order = 0 if volume.kind == "labels" else order
    made = regrid(volume, grid, order=order, antialias=antialias, fill=-3, elastic=elastic)
    assert (made.grid, made.kind, made.array.dtype) == (grid, volume.kind, volume.array.dtype)
    piece = data.draw(pieces(grid))
    needed = reach(piece, whole, order=order, antialias=antialias, elastic=elastic)
    for read in (needed, whole.clip(needed.pad(1))):
        part = regrid(volume.crop_to(read), piece, whole, order=order, antialias=antialias, fill=-3, elastic=elastic)
        assert part.array.tobytes() == made.crop_to(piece).array.tobytes()
    assert reach(piece.crop((0, 0, 0), (0, 1, 1)), whole, order=order).size == 0


@given(volumes(), st.sampled_from([(1, 1e-6), (3, 1e-5)]), st.data())
@settings(max_examples=40)
def test_interpolation_is_scipys_in_float64(volume, how, data):
    (order, tolerance), grid = how, near(data, volume.grid)
    volume = volume.with_array(volume.array.astype("f4"))
    at = places(volume.grid, grid)
    within = np.all([(p > -0.5) & (p < n - 0.5) for p, n in zip(at, volume.grid.shape, strict=True)], axis=0)
    expected = map_coordinates(volume.array.astype("f8"), at, order=order, mode="nearest" if order == 1 else "mirror")
    made, mask = regrid(volume, grid, order=order, fill=-9e9).array, inside(grid, volume.grid)
    mask = np.ones(grid.shape, bool) if mask is None else mask == 1
    np.testing.assert_allclose(made[within], expected[within], atol=tolerance * max(np.ptp(volume.array), 1e-3) + 1e-5)
    assert np.array_equal(mask, made > -1e9)
    edge = np.any(
        [abs(abs(p - (n - 1) / 2) - n / 2) < 1e-4 for p, n in zip(at, volume.grid.shape, strict=True)], axis=0
    )
    assert np.array_equal(mask[~edge], within[~edge])


def places(source, target):
    lattice = np.indices(target.shape).reshape(3, -1)
    world = target.affine @ [*lattice, np.ones(lattice.shape[1])]
    return (np.linalg.inv(source.affine) @ world)[:3].reshape(3, *target.shape)


@given(volumes(kinds=("image", "labels")), wanted, st.data())
@settings(max_examples=40)
def test_reoriented_cropped_and_padded_voxels_return_to_the_bit(volume, letters, data):
    """There: turned, cut, padded.  Back on the source: all voxels of the cut, the rest is fill."""
    grid = toward(volume.grid, letters).grid(volume.grid)
    cut = data.draw(cuts(grid))
    there = regrid(regrid(volume, cut), cut.pad(2), fill=99)
    back = regrid(there, volume.grid, fill=77)
    kept = toward(volume.grid, letters).inverse.grid(cut)
    assert back.crop_to(kept).array.tobytes() == volume.crop_to(kept).array.tobytes()
    everything = regrid(regrid(volume, grid.pad(1)), volume.grid)
    assert everything.array.tobytes() == volume.array.tobytes()


@pytest.mark.parametrize("order", [0, 1, 3])
def test_what_only_changes_its_index_is_copied_whatever_the_order(order):
    """Not even a NaN beside it is looked at."""
    grid = Grid(turned((2.0, 1.0, 0.8), (0.3, 0.1, -0.2)), (3, 4, 5), (-2, 3, 1))
    array = np.arange(grid.size, dtype="f4").reshape(grid.shape)
    array[:, :, 1::2] = np.nan
    there = toward(grid, "RAS").grid(grid)
    made = regrid(Volume(array, grid), there, order=order)
    assert made.array.tobytes() == toward(grid, "RAS").array(array).tobytes()
    piece = there.crop((1, 1, 1), (2, 3, 2))
    assert reach(piece, grid, order=order).size == piece.size


@given(volumes(kinds=("labels",)))
@settings(max_examples=20)
def test_labels_of_a_finer_grid_return_as_they_were(volume):
    finer = volume.grid.respace([s / 3 for s in volume.grid.spacing])
    assert np.array_equal(regrid(regrid(volume, finer), volume.grid).array, volume.array)


def test_along_the_axes_and_across_them_agree():
    """The two arithmetics of one position: a frame that is turned by nothing that can be measured."""
    rng = np.random.default_rng(3)
    volume = Volume(rng.normal(0, 300, (9, 12, 14)).astype("f4"), Grid(turned((2.0, 1.0, 0.8)), (9, 12, 14)))
    grid = volume.grid.respace((1.3, 1.7, 0.9))
    frame = np.array(grid.frame)
    frame[0, 1] += 1e-7
    hardly = replace(grid, frame=frame)
    for order, antialias in ((1, False), (3, False), (1, True), (3, True)):
        a, b = (regrid(volume, g, order=order, antialias=antialias).array for g in (grid, hardly))
        np.testing.assert_allclose(a, b, atol=6e-3)


def test_antialiasing_takes_the_length_of_new_voxels_along_old_axes():
    rng = np.random.default_rng(3)
    source = Grid(np.diag([1.0, 1.0, 1.0, 1.0]), (20, 22, 24))
    volume = Volume(rng.normal(0, 300, source.shape).astype("f4"), source)
    frame = turned((3.0, 3.0, 1.0), (0.0, 0.0, 0.5), origin=(2.0, 5.0, 4.0))
    grid = Grid(frame, (5, 4, 8))
    edges = np.linalg.norm(grid.affine[:3, :3], axis=1)
    sigma = np.sqrt(np.maximum(edges**2 - 1, 0) / (8 * np.log(2)))
    smooth = gaussian_filter(volume.array.astype("f8"), sigma, mode="nearest")
    expected = map_coordinates(smooth, places(source, grid), order=1, mode="nearest")
    made = regrid(volume, grid, order=1, antialias=True).array
    within = inside(grid, source) == 1
    np.testing.assert_allclose(made[within], expected[within], atol=1e-3)


@pytest.mark.parametrize("oblique", [False, True])
def test_half_floats_are_interpolated_in_single_precision(oblique):
    rng = np.random.default_rng(3)
    source = Grid(np.eye(4), (6, 7, 8))
    volume = Volume(rng.normal(0, 1, source.shape).astype("f2"), source)
    grid = Grid(turned((0.9, 1.1, 0.7), (0.2, 0.0, 0.3) if oblique else (0.0,) * 3), (5, 6, 7))
    wide = regrid(volume.with_array(volume.array.astype("f4")), grid, order=1).array.astype("f2")
    assert regrid(volume, grid, order=1).array.tobytes() == wide.tobytes()
    ramp = window(0, 2, "uint8")
    fused = regrid(volume, grid, order=1, ramp=ramp).array
    assert np.array_equal(fused, np.rint((wide.astype("f4").clip(-1, 1) + 1) * np.float32(127.5)).astype("u1"))


def test_a_bend_moves_what_is_seen_by_no_more_than_it_says():
    grid = Grid(np.diag([2.0, 1.0, 0.5, 1.0]), (12, 24, 48))
    field = np.indices(grid.shape)[2].astype("f4") / 2  # mm along x... of the array's last axis
    made = regrid(Volume(field, grid), grid, order=1, elastic=Elastic(8.0, 3.0, 7), fill=np.nan).array
    moved = made - field
    assert np.nanmax(abs(moved)) <= 3.0
    assert np.nanmax(abs(moved)) > 0.5
    assert np.nanmean(np.diff(made, axis=2) > 0) == pytest.approx(np.isfinite(np.diff(made, axis=2)).mean(), abs=1e-9)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"control_mm": 0.0}, "control_mm"),
        ({"magnitude_mm": 4.1}, "fold"),
        ({"key": -1}, "key"),
        ({"key": 2**64}, "key"),
    ],
)
def test_a_bend_that_could_fold_is_refused(change, word):
    with pytest.raises(ValueError, match=word):
        Elastic(**({"control_mm": 10.0, "magnitude_mm": 4.0, "key": 1} | change))
