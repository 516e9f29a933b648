"""Transform: L11, one interpolation, the right place in mm, masks that stay with their image."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from pipeline.elastic import Elastic
from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.resample import Resample
from pipeline.stages.transform import Transform
from pipeline.stages.window import Window
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, triples, turned, volumes

transforms = st.builds(
    Transform,
    spacing=st.none() | triples(st.floats(0.5, 4)),
    degrees=triples(st.just(0.0) | st.floats(-90, 90)),
    scale=triples(st.just(1.0) | st.floats(0.6, 1.6)),
    mirror=triples(st.booleans()),
    shift_mm=triples(st.just(0.0) | st.floats(-5, 5)),
    elastic=st.none() | st.builds(Elastic, st.floats(5, 20), st.floats(0, 2), st.integers(0, 2**64 - 1)),
    order=st.sampled_from([0, 1, 3]),
    antialias=st.booleans(),
    labels=st.sampled_from(["nearest", "linear"]),
)


@given(volumes(kinds=("image", "labels")), transforms, st.data())
@settings(max_examples=40)
def test_any_cut_gives_the_whole(volume, stage, data):
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == volume.array.dtype
    assert whole.grid == Resample(stage.spacing or volume.grid.spacing).spec(volume.spec).grid
    if volume.kind == "labels":
        assert np.isin(whole.array, [0, *np.unique(volume.array)]).all()


@given(volumes(), transforms, st.sampled_from(["float16", "uint8"]), st.data())
@settings(max_examples=10)
def test_fused_is_unfused(volume, stage, dtype, data):
    window = Window(90, 130, dtype)
    between = stage.spec(volume.spec)
    fused = check_any_cut_gives_the_whole(stage, volume, data, ramp=window.ramp(between))
    two_steps = window(stage(volume, between.grid, volume.spec), between.grid, between)
    assert fused.array.tobytes() == two_steps.array.tobytes()


@given(volumes(kinds=("image", "labels")), triples(st.floats(0.5, 4)), st.sampled_from([0, 1, 3]), st.booleans())
@settings(max_examples=20)
def test_nothing_drawn_is_resample(volume, spacing, order, antialias):
    antialias = antialias and order > 0
    still, plain = Transform(spacing, order=order, antialias=antialias), Resample(spacing, order, antialias)
    grid = plain.spec(volume.spec).grid
    a, b = (stage(volume, grid, volume.spec).array for stage in (still, plain))
    assert a.tobytes() == b.tobytes()


GRID = Grid(turned((3.0, 0.8, 1.1), (0.3, -0.2, 0.7), origin=(-40.0, 12.0, 300.0)), (14, 40, 34), (-2, 3, 5))


def seen(stage, grid=GRID):
    """In mm along the axes of the grid from its centre: where each voxel's content was."""
    source = Volume(np.zeros(grid.shape, "f4"), grid)
    target = stage.spec(source.spec).grid
    middle = [(n - 1) / 2 for n in grid.shape]
    made = []
    for axis, spacing in enumerate(grid.spacing):
        field = (np.indices(grid.shape)[axis] - middle[axis]) * spacing
        volume = Volume(field.astype("f4"), grid)
        made.append(stage(volume, target, volume.spec).array)
    return np.stack(made), target


def mm(target):
    """Of each voxel of the target, along its axes from its centre."""
    lines = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(target.shape, target.spacing, strict=True)]
    return np.stack(np.meshgrid(*lines, indexing="ij"))


@pytest.mark.parametrize(
    "stage",
    [
        Transform(degrees=(25.0, 0.0, 0.0)),
        Transform(degrees=(10.0, -20.0, 30.0), shift_mm=(1.0, -4.0, 3.0)),
        Transform((2.0, 1.5, 1.0), degrees=(0.0, 15.0, 0.0), scale=(1.2, 0.8, 1.1), mirror=(False, True, True)),
        Transform(mirror=(True, True, False)),
        Transform(scale=(1.5, 1.5, 1.5)),
    ],
    ids=str,
)
def test_content_is_moved_about_the_centre_in_mm(stage):
    """Mirror, scale, turn (i, then j, then k), shift; as matrices, whatever spacing and directions are."""
    came, target = seen(replace(stage, fill=np.float32(-9e5)))
    turn = np.eye(3)
    for axis in (2, 1, 0):
        angle = np.radians(stage.degrees[axis])
        p, q = [n for n in range(3) if n != axis]
        about = np.eye(3)
        about[[p, q, p, q], [p, q, q, p]] = np.cos(angle), np.cos(angle), -np.sin(angle), np.sin(angle)
        turn = about @ turn
    forth = turn @ np.diag(stage.scale) @ np.diag([-1 if m else 1 for m in stage.mirror])
    inside = (came > -1e5).all(0)
    assert inside.mean() > 0.3
    moved = np.einsum("pq,qkji->pkji", forth, came) + np.reshape(stage.shift_mm, (3, 1, 1, 1))
    # Respacing may move the centre by half a new voxel at most; the faces' voxels are clamped.
    off = (moved - mm(target))[:, inside]
    np.testing.assert_allclose(np.median(off, axis=1), 0, atol=max(target.spacing) / 2 + 1e-3)
    assert np.percentile(abs(off - np.median(off, axis=1, keepdims=True)), 80) < 1e-3


def test_a_quarter_turn_is_a_transposition():
    rng = np.random.default_rng(0)
    grid = Grid(np.diag([2.0, 0.7, 0.7, 1.0]), (3, 9, 9))
    volume = Volume(rng.integers(-1000, 1000, grid.shape).astype("i2"), grid)
    made = Transform(degrees=(90.0, 0.0, 0.0))(volume, grid, volume.spec).array
    assert np.array_equal(made, np.rot90(volume.array, 1, (1, 2)))
    flipped = Transform(mirror=(True, False, True), order=3)(volume, grid, volume.spec).array
    assert np.array_equal(flipped, volume.array[::-1, :, ::-1])


def phantom(grid):
    """A bright ellipsoid off the centre, and its mask."""
    at = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in grid.shape), indexing="ij"))
    distance = np.sqrt((((at - np.reshape((0.1, -0.1, 0.15), (3, 1, 1, 1))) / 0.75) ** 2).sum(0))
    edge = np.clip((1 - distance) * 20, -1, 1)
    return Volume((100 * edge).astype("i2"), grid), Volume((edge > 0).astype("u1"), grid, "labels")


@pytest.mark.parametrize("labels", ["nearest", "linear"])
@pytest.mark.parametrize("order", [1, 3])
def test_a_warped_mask_is_the_mask_of_the_warped_image(order, labels):
    image, mask = phantom(Grid(np.diag([1.2, 1.0, 1.0, 1.0]), (92, 104, 110)))
    stage = Transform(
        (1.0, 0.9, 0.9), (12.0, -8.0, 20.0), (1.1, 1.1, 1.1), (True, False, True), (3.0, -2.0, 4.0),
        Elastic(30.0, 8.0, 99), order, labels=labels, fill=-100,
    )  # fmt: skip
    target = stage.spec(image.spec).grid
    a = stage(image, target, image.spec).array > 0
    b = stage(mask, target, mask.spec).array > 0
    assert 0.02 < a.mean() < 0.6
    assert 2 * (a & b).sum() / (a.sum() + b.sum()) >= 0.99


def test_turn_and_resampling_are_one_interpolation():
    """SciPy at the positions that a matrix says, once, in float64."""
    rng = np.random.default_rng(1)
    grid = Grid(np.diag([2.0, 1.0, 1.5, 1.0]), (12, 20, 18))
    volume = Volume(rng.normal(0, 300, grid.shape).astype("f4"), grid)
    stage = Transform((1.3, 1.2, 1.0), degrees=(20.0, 0.0, 0.0), fill=-9e5)
    target = stage.spec(volume.spec).grid
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    back = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    centre = np.array(target.position([(n - 1) / 2 for n in target.shape]))
    world = np.moveaxis([target.position(at) for at in product(*map(range, target.shape))], -1, 0) - centre[:, None]
    at = (back @ world + centre[:, None]) / np.array(grid.spacing)[:, None]
    expected = map_coordinates(volume.array.astype("f8"), at, order=1, mode="nearest").reshape(target.shape)
    made = stage(volume, target, volume.spec).array
    clear = made > -1e5
    assert clear.mean() > 0.7
    np.testing.assert_allclose(made[clear], expected[clear], atol=2e-3)


def test_labels_have_no_ramp():
    _, mask = phantom(Grid(np.eye(4), (4, 4, 4)))
    with pytest.raises(KindError):
        Transform()(mask, mask.grid, mask.spec, ramp=Window(0, 1).ramp(mask.spec))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"spacing": (1, 0, 1)}, "spacing"),
        ({"degrees": (0, float("nan"), 0)}, "degrees"),
        ({"scale": (1, 1, 0)}, "scale"),
        ({"shift_mm": (0, 0, float("inf"))}, "shift_mm"),
        ({"order": 2}, "order"),
        ({"fill": float("inf")}, "fill"),
        ({"labels": "cubic"}, "labels"),
    ],
)
def test_refuses(change, word):
    with pytest.raises(ValueError, match=word):
        Transform(**change)
