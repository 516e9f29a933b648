"""The presets of ``resample`` give the grids and the values of the tools that they are named after."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import golden
from benchmarks.golden import Golden
from pipeline.grid import Grid
from pipeline.stages.resample import Resample
from pipeline.volume import Volume

STORED = golden.stored()
NAMES = [call.name for call in golden.GOLDEN]

TOLERANCE = {0: 0, 1: 1e-6, 3: 1e-5}
"""Of a value, by order, as part of the range of the image."""


@pytest.mark.parametrize("preset", golden.TOOLS)
def test_the_tool_still_gives_what_is_stored(preset: str) -> None:
    _, module = golden.TOOLS[preset]
    pytest.importorskip(module)
    for call, voxels, affine in STORED.values():
        if call.preset == preset:
            again, grid = golden.make(call)
            assert again.dtype == voxels.dtype
            np.testing.assert_allclose(again, voxels, rtol=0, atol=1e-3, err_msg=call.name)
            np.testing.assert_allclose(grid, affine, rtol=0, atol=1e-12, err_msg=call.name)


@pytest.mark.parametrize("name", NAMES)
def test_the_preset_gives_the_grid(name: str) -> None:
    """TotalSegmentator's affine states the spacing that was asked for; its voxels lie between the outermost centres."""
    call, voxels, affine = STORED[name]
    grid = made(call, golden.source(call)).grid
    assert grid.shape == voxels.shape
    if call.preset == "totalsegmentator":
        old = np.multiply(np.subtract(golden.source(call).shape, 1), call.source)
        affine = np.diag([*(old / np.subtract(voxels.shape, 1)), 1.0])
    np.testing.assert_allclose(grid.affine, affine, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in NAMES if STORED[name][0].kind == "image"])
def test_the_preset_gives_the_values(name: str) -> None:
    """nnU-Net alone clips a cubic: to the range of the volume, or of the slice where it goes slice by slice."""
    call, voxels, _ = STORED[name]
    x = golden.source(call).astype("f4")
    ours = made(call, x).array
    if call.preset == "nnunet":
        ours = np.clip(ours, *clipped_to(call, x, len(ours)))
    np.testing.assert_allclose(ours, voxels, rtol=0, atol=TOLERANCE[call.order] * np.ptp(x))


@pytest.mark.parametrize("name", [name for name in NAMES if STORED[name][0].kind == "labels"])
def test_the_preset_gives_the_labels(name: str) -> None:
    """Where two labels have the same weight nnU-Net takes that of the nearest voxel, ours is the lower one."""
    call, voxels, _ = STORED[name]
    x = golden.source(call)
    ours = made(call, x).array
    if call.order == 0:
        np.testing.assert_array_equal(ours, voxels)
    image = replace(call, kind="image")
    weights = np.array([made(image, (x == label).astype("f4")).array for label in range(8)])
    mine, its = (np.take_along_axis(weights, labels[None].astype("i8"), 0)[0] for labels in (ours, voxels))
    other = ours != voxels
    assert other.mean() < 0.03
    np.testing.assert_allclose(mine[other], its[other], rtol=0, atol=1e-6)


def made(call: Golden, x: np.ndarray) -> Volume:
    """What the preset makes of voxels on the source's grid."""
    volume = Volume(x, Grid(np.diag([*call.source, 1.0]), x.shape), call.kind)
    labels = "linear" if call.order == 1 else "nearest"
    stage = Resample(call.target, order=call.order, labels=labels, preset=call.preset)
    return stage(volume, stage.spec(volume.spec).grid, volume.spec)


def clipped_to(call: Golden, x: np.ndarray, slices: int) -> tuple[np.ndarray, np.ndarray]:
    """Least and most of what nnU-Net resizes at once, for each slice that comes out."""
    if call.source[0] / call.source[1] <= 3:
        return x.min(), x.max()
    nearest = np.floor((np.arange(slices) + 0.5) * len(x) / slices).astype(int)
    return x[nearest].min((1, 2), keepdims=True), x[nearest].max((1, 2), keepdims=True)
