"""N4 as a fit: what it does to tissue, SimpleITK at full resolution, any blocking, and what it refuses."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Quarantine
from pipeline.fits.n4 import N4
from pipeline.grid import Grid
from pipeline.plan import Plan
from pipeline.reasons import Reason
from pipeline.settle import settle
from pipeline.stages.threshold import Threshold
from pipeline.volume import Volume

SPACING = (3.0, 2.0, 2.5)


def phantom(shape=(60, 80, 64), dtype="i2", start=(0, 0, 0), strength=1.0):
    """(volume, tissue labels): three tissues in a head, noise of 1 %, a field of 0.7 to 1.4."""
    k, j, i = ((np.indices(shape).T + 0.5) / shape).T - 0.5
    r = np.sqrt(k * k + j * j + i * i)
    tissue = np.where(r < 0.47, 1, 0)
    tissue[(np.sin(17 * k) + np.sin(19 * j) + np.sin(23 * i) > 0.3) & (r < 0.42)] = 2
    tissue[(np.sin(14 * k + 1) + np.sin(16 * j + 2) + np.sin(13 * i) > 1.2) & (r < 0.42)] = 3
    clean = np.array([0, 400, 800, 1200])[tissue]
    field = np.exp(strength * (0.2 * np.sin(2.2 * k + 0.7) + 0.3 * j * i + 0.25 * i - 0.2 * j))
    noise = np.random.default_rng(0).normal(0, 8, shape) * (tissue > 0)
    array = np.rint((clean * field + noise).clip(0)).astype(dtype)
    return Volume(array, Grid(np.diag([*SPACING, 1.0]), shape, start)), tissue


def corrected(fit, volume, mask=None):
    stage = fit.stage(fit.tally(volume, mask, volume.spec), volume.spec)
    return stage(volume, volume.grid, volume.spec)


def variation(array, tissue):
    return np.array([array[tissue == n].std() / array[tissue == n].mean() for n in (1, 2, 3)])


def test_variation_within_tissue_falls_by_70_percent_and_the_scale_stays():
    volume, tissue = phantom()
    made = corrected(N4(), volume)
    assert made.array.dtype == np.int16
    assert (variation(made.array, tissue) < 0.3 * variation(volume.array, tissue)).all()
    ratio = np.log(made.array[tissue > 1] / volume.array[tissue > 1])
    assert abs(ratio.mean()) < 0.02
    assert not made.array[tissue == 0].any()


def test_agrees_with_simpleitk_at_full_resolution():
    volume, tissue = phantom((32, 36, 30))
    fit = N4(shrink_mm=0.1, levels=2, iterations=10, within="m", tolerance=0.0)
    mask = volume.with_array((tissue > 0).astype("u1"))
    stage = fit.stage(fit.tally(volume, mask, volume.spec), volume.spec)
    ones = Volume(np.ones(volume.grid.shape, "f4"), volume.grid)
    field = -np.log(stage(ones, ones.grid, ones.spec).array)
    image = sitk.GetImageFromArray(volume.array.astype("f4"))
    image.SetSpacing(SPACING[::-1])
    correct = sitk.N4BiasFieldCorrectionImageFilter()
    correct.SetMaximumNumberOfIterations([10, 10])
    correct.SetConvergenceThreshold(0.0)
    where = sitk.GetImageFromArray(((tissue > 0) & (volume.array > 0)).astype("u1"))
    where.CopyInformation(image)
    correct.Execute(image, where)
    expected = sitk.GetArrayFromImage(correct.GetLogBiasFieldAsImage(image))
    inside = tissue > 0
    off = (field - expected)[inside]
    assert np.abs(off - off.mean()).max() < 2e-3  # ours has the mean 1


def test_cells_find_the_field_of_the_voxels():
    volume, tissue = phantom()
    fine, coarse = (corrected(N4(shrink_mm=mm), volume).array[tissue > 0] for mm in (0.1, 6.0))
    assert np.abs(np.log(coarse / fine)).max() < 0.05


@settings(max_examples=8)
@given(st.tuples(*[st.integers(7, 40)] * 3), st.sampled_from(["i2", "f4", "f2"]), st.booleans())
def test_any_blocking_gives_the_same_stage(block, dtype, within):
    volume, _ = phantom((24, 30, 28), dtype, start=(-3, 4, 11))
    fit = N4(within="m" if within else None, iterations=2)
    plan = {"x": Plan(volume.spec, (fit,), (("m", (Threshold(lower=200),)),))}
    whole, blocks = (settle(plan, volume.crop_to, size)[0]["x"].stages for size in (None, block))
    assert whole == blocks


def test_a_mask_says_where_to_look():
    volume, tissue = phantom((30, 40, 32))
    spoilt = volume.with_array(np.where(tissue == 0, 3000, volume.array).astype("i2"))
    mask = volume.with_array((tissue > 0).astype("u1"))
    fit = N4(within="m", shrink_mm=0.1)
    stages = [fit.stage(fit.tally(v, mask, v.spec), v.spec) for v in (volume, spoilt)]
    assert stages[0] == stages[1]


def test_a_cell_counts_where_half_of_its_voxels_do():
    volume, tissue = phantom((32, 40, 32))
    fit = N4(within="m", shrink_mm=4 * min(SPACING), iterations=1)
    masks = [(tissue > 0) & (np.indices(tissue.shape)[2] % 4 < n) for n in (1, 2)]
    thin, half = (volume.with_array(mask.astype("u1")) for mask in masks)
    assert corrected(fit, volume, half).array.any()
    with pytest.raises(Quarantine):
        corrected(fit, volume, thin)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((20, 20, 20), "i2"),
        np.full((20, 20, 20), 7, "i2"),
        np.full((20, 20, 20), np.nan, "f4"),
        np.random.default_rng(0).normal(100, 5, (1, 90, 90)).astype("i2"),
        np.random.default_rng(0).normal(100, 5, (3, 3, 3)).astype("i2"),
        -np.random.default_rng(0).integers(1, 99, (20, 20, 20), "i2"),
    ],
)
def test_where_there_is_nothing_to_estimate_from_it_is_refused(array):
    volume = Volume(array, Grid(np.eye(4), array.shape))
    with pytest.raises(Quarantine) as refused:
        corrected(N4(), volume)
    assert refused.value.reason is Reason.NO_BIAS_FIELD


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"shrink_mm": 0.0}, "shrink_mm"),
        ({"spline_mm": float("inf")}, "spline_mm"),
        ({"levels": 0}, "levels"),
        ({"iterations": 0}, "iterations"),
        ({"tolerance": float("nan")}, "tolerance"),
    ],
)
def test_fields_are_named(fields, word):
    with pytest.raises(ValueError, match=word):
        N4(**fields)
