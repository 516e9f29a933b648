"""What the packaged segmentations make of the demo's chest, whose labels are known."""

import numpy as np
import pytest

from pipeline.demo import phantom
from pipeline.grid import Grid
from pipeline.plan import run_together
from pipeline.recipe import load
from pipeline.volume import Facts, Volume

SPACING = (4.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def chest():
    """(CT, labels) of a chest on a table, bowel gas added below the lungs."""
    hu, labels = phantom.chest((80, 150, 180), SPACING, seed=1)
    hu[1:6, 70:80, 85:105] = -950
    grid = Grid(np.diag([*SPACING, 1.0]), hu.shape)
    return Volume(hu, grid), Volume(labels, grid, "labels")


def segmented(recipe, volume, output):
    """The output, back on the grid of the volume: the voxels of 1 mm that hold its centres."""
    plans = load(recipe).compile(volume.spec, Facts(modality="CT", units="HU"), "v")
    made = run_together(plans, volume.crop_to, {name: plan.target.grid for name, plan in plans.items()})[output]
    lines = zip(made.grid.axes(volume.grid), volume.grid.shape, made.grid.shape, strict=True)
    at = [(np.arange(n) * step + offset + 0.5).astype(int).clip(0, m - 1) for (step, offset), n, m in lines]
    return made.array[np.ix_(*at)] != 0


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_lungs(chest):
    ct, labels = chest
    lungs = segmented("ct-lungs-classical", ct, "lungs")
    assert dice(lungs, (labels.array == 1) | (labels.array == 2)) > 0.98
    assert not lungs[:6].any()


def test_bone(chest):
    ct, labels = chest
    bone = segmented("ct-bone", ct, "bone")
    spine = labels.array == phantom.SPINE
    assert np.count_nonzero(bone & spine) > 0.97 * np.count_nonzero(spine)
    assert not bone[ct.array < 0].any()


def test_the_table_is_no_bone(chest):
    ct, _ = chest
    hard = ct.array.copy()
    table = (ct.array > -600) & (np.arange(150)[:, None] > 130)
    assert table.any()
    hard[table] = 600
    bone = segmented("ct-bone", Volume(hard, ct.grid), "bone")
    assert bone.any()
    assert not bone[table].any()
