"""QA of outputs: the right reference, at the right places, in the right units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import structural_similarity

from pipeline.grid import Grid
from pipeline.kernels.quality import quantise
from pipeline.plan import Plan
from pipeline.report.measure import CT_RANGE, data_range, fidelity, measure_image, measure_labels
from pipeline.stages.clip import Clip
from pipeline.stages.crop import Crop
from pipeline.stages.landmarks import Landmarks
from pipeline.stages.linear import Linear
from pipeline.stages.pad import Pad
from pipeline.stages.reorient import Reorient
from pipeline.stages.resample import Resample
from pipeline.stages.threshold import Threshold
from pipeline.stages.transform import Transform
from pipeline.stages.window import Window
from pipeline.volume import Facts, Volume
from tests.strategies import frames

CT = Facts(modality="CT", units="HU", low=-1024, high=3000)


def noise(shape=(20, 24, 28), affine=None):
    rng = np.random.default_rng(4)
    smooth = ndimage.gaussian_filter(rng.normal(0, 4000, shape), 1.5)
    return Volume(smooth.astype("i2"), Grid(np.diag([2.0, 1.0, 1.0, 1.0]) if affine is None else affine, shape))


def made(raw, *stages):
    plan = Plan(raw.spec, stages)
    return plan, plan.run(raw.crop_to, plan.target.grid)


def test_an_output_that_was_not_changed_is_its_own_likeness():
    raw = noise()
    row = measure_image(*made(raw), raw, CT)
    assert (row["ssim_global"], row["ssim_local_min"], row["mae"], row["rmse"]) == (1, 1, 0, 0)
    assert row["psnr_db"] is None
    assert (row["v_min"], row["v_max"]) == (raw.array.min(), raw.array.max())
    assert row["v_mean"] == pytest.approx(raw.array.mean())
    assert row["v_sd"] == pytest.approx(raw.array.std())
    assert row["p50"] == np.percentile(raw.array, 50)
    assert (row["fill_frac"], row["n_nan"], row["n_inf"]) == (0, 0, 0)


@settings(max_examples=25)
@given(frames(), st.tuples(*[st.floats(0.6, 2.0)] * 3))
def test_a_field_that_is_linear_in_the_world_comes_back_to_where_it_was(frame, factor):
    """Half a voxel in the wrong place would cost tens of HU; what is left is rounding and the clamped border."""
    grid = Grid(frame, (16, 18, 20))
    field = np.einsum("n,n...->...", (40.0, 25.0, 15.0), np.indices(grid.shape)) - 600
    raw = Volume(field.astype("i2"), grid)
    spacing = tuple(s * f for s, f in zip(grid.spacing, factor, strict=True))
    plan, output = made(raw, Resample(spacing))
    inner = grid.crop((4, 4, 4), (12, 14, 16))
    likeness = fidelity(plan, output, raw, CT)
    assert likeness.voxels == _covered(output.grid, grid).sum()
    back = ndimage.map_coordinates(output.array.astype(float), _positions(output.grid, inner), order=1, mode="nearest")
    assert np.abs(back - raw.crop_to(inner).array).max() < 2
    assert likeness.rmse(2000) < 40


def _positions(there, here):
    axes = there.axes(here)
    lines = [np.arange(a, b) * step + o for (step, o), a, b in zip(axes, here.start, here.stop, strict=True)]
    return np.meshgrid(*lines, indexing="ij")


def _covered(there, here):
    """Voxels of ``here`` that lie on ``there``, faces included."""
    inside = [
        (x > -0.5 - 1e-6) & (x < n - 0.5 + 1e-6) for x, n in zip(_positions(there, here), there.shape, strict=True)
    ]
    return inside[0] & inside[1] & inside[2]


def test_likeness_is_that_of_the_output_mapped_back_linearly():
    raw = noise()
    plan, output = made(raw, Resample((2.6, 1.7, 3.0)))
    row = measure_image(plan, output, raw, CT)
    low, high = CT_RANGE
    a, b = (np.clip(x.astype(float), low, high) for x in (raw.array, output.array))
    b = ndimage.map_coordinates(b, _positions(output.grid, raw.grid), order=1, mode="nearest")
    covered = _covered(output.grid, raw.grid)
    assert 0 < covered.sum() < raw.array.size
    assert row["mae"] == pytest.approx(np.abs(a - b)[covered].mean(), abs=0.5)
    assert row["rmse"] == pytest.approx(np.sqrt(((a - b)[covered] ** 2).mean()), abs=0.5)
    full = structural_similarity(a - low, b - low, data_range=2000, win_size=7, full=True)[1]
    windows = full[3:-3, 3:-3, 3:-3][::4, ::4, ::4]
    windows = windows[ndimage.minimum_filter(covered, 7)[3:-3, 3:-3, 3:-3][::4, ::4, ::4]]
    assert row["ssim_global"] == pytest.approx(windows.mean(), abs=2e-3)
    assert row["ssim_local_min"] == pytest.approx(windows.min(), abs=2e-3)


def test_the_reference_of_a_windowed_output_is_windowed_too():
    raw = noise()
    plan, output = made(raw, Resample((1.0, 0.5, 0.5)), Window(40, 4000))
    row = measure_image(plan, output, raw, CT)
    assert row["data_range"] == 1
    assert row["psnr_db"] > 35
    assert row["clip_low_frac"] == (output.array == 0).mean()
    assert row["clip_high_frac"] == (output.array == 1).mean()


@pytest.mark.parametrize(
    ("stages", "facts", "expected"),
    [
        ((), CT, CT_RANGE),
        ((), Facts(modality="MR", low=3, high=700), (3, 700)),
        ((), Facts(low=5, high=5), (5, 6)),
        ((Window(0, 10),), CT, (0, 1)),
        ((Window(0, 10, "uint8"),), CT, (0, 255)),
        ((Resample((1.0, 1.0, 1.0)), Window(0, 4000)), CT, (0, 1)),
        ((Linear(100, 0.01),), CT, (-11, 9)),
        ((Linear(0, 0.01, keep_zero=True),), Facts(modality="MR", low=3, high=700), (0.03, 7)),
        ((Linear(0, 0.5), Linear(0, -2.0, high=10)), CT, (-20, 1000)),
        ((Landmarks((-1000.0, 0.0, 1000.0), (0.0, 10.0, 100.0)),), CT, (0, 100)),
        ((Clip(-200, 300),), CT, (-200, 300)),
        ((Threshold(lower=0, closing_mm=3),), CT, CT_RANGE),
    ],
)
def test_the_data_range_is_fixed_by_window_or_modality(stages, facts, expected):
    low, high = data_range(Plan(noise().spec, stages), facts)
    assert (low, high) == pytest.approx(expected)


TURNED = np.array([[0.96, 0.28, 0, -20], [-0.28, 0.96, 0, 30], [0, 0, 1, 5], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    "stages",
    [
        (Reorient("RAS"),),
        (Crop(start=(3, 2, 1), stop=(17, 20, 22)),),
        (Pad(at_least=(30, 30, 30)),),
        (Crop(start=(3, 2, 1), stop=(17, 20, 22)), Pad(multiple=(32, 32, 32))),
        (Reorient("PIR"), Crop(at_most=(15, 15, 15)), Window(0, 2000)),
    ],
    ids=lambda chain: " ".join(type(s).__name__ for s in chain),
)
def test_voxels_that_only_changed_their_index_are_alike_and_fill_is_no_part_of_it(stages):
    raw = noise(affine=TURNED)
    plan, output = made(raw, *stages)
    row = measure_image(plan, output, raw, CT)
    assert (row["ssim_global"], row["mae"], row["psnr_db"]) == (1, 0, None)
    kept = Plan(raw.spec, tuple(s for s in stages if s.moves)).following("u1")
    share = kept.run(lambda g: Volume(np.ones(g.shape, "u1"), g, "labels"), kept.target.grid).array.mean()
    assert row["fill_frac"] == pytest.approx(1 - share)
    assert row["v_min"] >= (0 if isinstance(stages[-1], Window) else raw.array.min())


LEANING = TURNED + np.outer([0, 0.5, 0, 0], [1, 0, 0, 0])


@pytest.mark.parametrize(
    ("affine", "stage"),
    [
        (TURNED, Resample((1.0, 1.0, 1.0), align="patient")),
        (LEANING, Resample((1.0, 1.0, 1.0), align="patient")),
        (LEANING, Resample((1.3, 0.9, 1.1))),
    ],
)
def test_an_output_on_other_axes_is_mapped_back_by_its_positions(affine, stage):
    raw = noise(affine=affine)
    plan, output = made(raw, stage)
    row = measure_image(plan, output, raw, CT)
    lattice = np.indices(raw.grid.shape).reshape(3, -1)
    at = (np.linalg.inv(output.grid.affine) @ raw.grid.affine @ [*lattice, np.ones(raw.grid.size)])[:3]
    at = at.reshape(3, *raw.grid.shape)
    low, high = CT_RANGE
    a, b = (np.clip(x.astype(float), low, high) for x in (raw.array, output.array))
    filled = (output.array == -1024).astype(float)
    covered = ndimage.map_coordinates(filled, at, order=1, mode="nearest") < 1e-9
    covered &= np.all([(x >= -0.5) & (x <= n - 0.5) for x, n in zip(at, output.grid.shape, strict=True)], axis=0)
    b = ndimage.map_coordinates(b, at, order=1, mode="nearest")
    assert covered.mean() > 0.5
    assert row["mae"] == pytest.approx(np.abs(a - b)[covered].mean(), rel=0.02)
    assert row["fill_frac"] == pytest.approx(filled.mean(), abs=1e-3)
    assert row["ssim_global"] > 0.9


def test_what_was_moved_within_the_patient_is_not_compared_and_its_fill_is_left_out():
    raw = noise()
    plan, output = made(raw, Transform(degrees=(30.0, 0.0, 0.0), fill=-3000))
    row = measure_image(plan, output, raw, CT)
    assert [row[name] for name in ("ssim_global", "ssim_local_min", "psnr_db", "mae", "rmse")] == [None] * 5
    assert row["fill_frac"] == pytest.approx((output.array == -3000).mean())
    assert row["v_min"] > -3000


def test_padding_is_left_out():
    raw = noise()
    raw.array[:, :, :6] = -2000
    plan, output = made(raw, Resample((2.0, 1.0, 1.0)))
    spoiled = Volume(output.array.copy(), output.grid)
    spoiled.array[:, :, :6] = 500
    with_padding = Facts(modality="CT", padding=-2000)
    assert measure_image(plan, spoiled, raw, with_padding)["rmse"] == 0
    assert measure_image(plan, spoiled, raw, CT)["rmse"] > 100


def test_nan_and_infinity_are_counted_and_in_no_figure():
    raw = Volume(noise().array.astype("f4"), noise().grid)
    raw.array[0, 0, :3] = np.nan, np.inf, -np.inf
    row = measure_image(*made(raw), raw, CT)
    assert (row["n_nan"], row["n_inf"]) == (1, 2)
    assert np.isfinite([v for v in row.values() if v is not None]).all()


def test_quantising_keeps_a_hounsfield_unit():
    assert np.unique(quantise(np.arange(-1000, 1000, dtype="i2").reshape(1, 1, -1), *CT_RANGE)).size == 2000


def test_structures_lie_in_the_patient():
    grid = Grid(np.array([[0, 0, 1, 10], [0, 2, 0, 20], [3, 0, 0, 30], [0, 0, 0, 1]]), (4, 5, 6), (1, 0, 0))
    labels = np.zeros(grid.shape, "u1")
    labels[1, 2, 3:5] = 1
    labels[3, 4, 5] = 7
    one, seven = measure_labels(Volume(labels, grid, "labels"))
    assert (one["structure"], one["n_voxels"], one["volume_ml"]) == ("1", 2, pytest.approx(0.012))
    assert [one[f"centroid_{a}_mm"] for a in "xyz"] == [13.5, 24, 36]
    assert [one[f"bbox_start_{a}"] for a in "kji"] == [2, 2, 3]
    assert (one["touches_border"], seven["touches_border"]) == (False, True)
    assert seven["n_components"] == 1


def test_an_empty_label_map_has_no_structures():
    assert measure_labels(Volume(np.zeros((2, 2, 2), "u1"), Grid(np.eye(4), (2, 2, 2)), "labels")) == []
