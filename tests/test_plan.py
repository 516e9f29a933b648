"""Plans: L11, shared prefixes, fusing, fingerprints."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import RecipeError
from pipeline.grid import Grid
from pipeline.plan import Plan, fingerprint, peak_bytes, run_together, stage_name
from pipeline.stages import Stage, available
from pipeline.stages.resample import Resample
from pipeline.stages.threshold import Threshold
from pipeline.stages.window import Window
from pipeline.volume import Spec, Volume
from tests.steps import drawn, stages
from tests.strategies import cuts, frames, spacings, volumes

WINDOW = Window(40, 400)


@st.composite
def plans(draw, source: Spec) -> Plan:
    """A chain of up to three stages that fit on one another."""
    chain: list[Stage] = []
    for _ in range(draw(st.integers(0, 3))):
        target = Plan(source, tuple(chain)).target
        fitting = [name for name, cls in available().items() if target.kind in cls.takes]
        if any(stage.units is not None for stage in chain):
            fitting = [name for name in fitting if not available()[name].source_units]
        chain.append(draw(drawn(draw(st.sampled_from(fitting)), target)))
    return Plan(source, tuple(chain))


def test_every_stage_is_drawn():
    assert set(stages) == set(available())


@settings(max_examples=200)
@given(st.data())
def test_any_piece_of_a_random_plan_is_that_piece_of_the_whole(data):
    volume = data.draw(volumes())
    plan = data.draw(plans(volume.spec))
    whole = plan.run(volume.crop_to, plan.target.grid)
    assert whole.spec == plan.target
    for _ in range(2):
        piece = data.draw(cuts(plan.target.grid))
        made = plan.run(volume.crop_to, piece).array
        np.testing.assert_array_equal(made, whole.array[plan.target.grid.slices(piece)])


@settings(max_examples=40)
@given(st.data())
def test_plans_that_run_together_make_what_each_makes_alone(data):
    volume = data.draw(volumes())
    shared = data.draw(drawn("resample", volume.spec))
    ends = [(), *((data.draw(drawn(name, volume.spec)),) for name in ("window", "threshold"))]
    together = {str(n): Plan(volume.spec, (shared, *end)) for n, end in enumerate(ends)}
    together["alone"] = data.draw(plans(volume.spec))
    piece = data.draw(cuts(together["0"].target.grid))
    pieces = dict.fromkeys(together, piece) | {"alone": data.draw(cuts(together["alone"].target.grid))}
    made = run_together(together, volume.crop_to, pieces)
    for name, plan in together.items():
        np.testing.assert_array_equal(made[name].array, plan.run(volume.crop_to, pieces[name]).array)


@settings(max_examples=60)
@given(st.data())
def test_any_piece_of_any_chain_lies_where_its_grid_says(data):
    """A field that is linear in patient space comes out as itself, voxel by voxel, away from the clamped border."""
    grid = Grid(data.draw(frames()), (12, 14, 16), data.draw(st.tuples(*[st.integers(-9, 9)] * 3)))
    chain = tuple(data.draw(st.lists(st.builds(Resample, spacings), min_size=1, max_size=2)))
    volume = Volume(_field(grid).astype("f4"), grid)
    plan = Plan(volume.spec, chain)
    piece = data.draw(cuts(plan.target.grid))
    made = plan.run(volume.crop_to, piece)
    assert made.grid == piece
    margins = np.max([[s / g for s, g in zip(spec.grid.spacing, grid.spacing, strict=True)] for spec in plan.specs], 0)
    lines = []
    for (step, offset), a, b in zip(grid.axes(piece), piece.start, piece.stop, strict=True):
        lines.append(np.arange(a, b) * step + offset)
    inner = [
        (x - first >= m) & (x - first <= n - 1 - m)
        for x, first, n, m in zip(np.meshgrid(*lines, indexing="ij"), grid.start, grid.shape, margins, strict=True)
    ]
    inside = inner[0] & inner[1] & inner[2]
    np.testing.assert_allclose(made.array[inside], _field(piece)[inside], atol=0.02)


def _field(grid):
    """x + 2 y - z / 2 in LPS mm at every voxel."""
    k, j, i = np.indices(grid.shape)
    x, y, z = (row[0] * k + row[1] * j + row[2] * i + row[3] for row in grid.affine[:3])
    return x + 2 * y - z / 2


@dataclass(frozen=True)
class Counting(Stage):
    """Adds nothing, counts its calls."""

    calls: ClassVar[list[Grid]] = []

    def __call__(self, volume, piece, source):
        self.calls.append(piece)
        return volume.crop_to(piece)


def _volume(shape=(6, 8, 10)):
    rng = np.random.default_rng(1)
    return Volume(rng.normal(0, 500, shape).astype("i2"), Grid(np.diag([2.0, 1.0, 1.0, 1.0]), shape))


def test_a_shared_prefix_is_computed_once():
    Counting.calls.clear()
    volume = _volume()
    prefix = (Counting(), Resample((1.0, 1.0, 1.0)))
    plans = {"a": Plan(volume.spec, prefix), "b": Plan(volume.spec, (*prefix, WINDOW))}
    run_together(plans, volume.crop_to, {name: p.target.grid for name, p in plans.items()})
    assert len(Counting.calls) == 1


def test_a_window_after_a_resample_is_fused_and_has_the_same_bits(monkeypatch):
    volume = _volume()
    plan = Plan(volume.spec, (Resample((1.0, 0.7, 0.7)), WINDOW))
    fused = plan.run(volume.crop_to, plan.target.grid).array
    monkeypatch.setattr(Resample, "fuses", False)
    apart = plan.run(volume.crop_to, plan.target.grid).array
    np.testing.assert_array_equal(fused, apart)
    monkeypatch.setattr(Resample, "fuses", True)
    monkeypatch.setattr(Window, "__call__", lambda *a, **k: pytest.fail("the window ran by itself"))
    plan.run(volume.crop_to, plan.target.grid)


def test_a_kept_prefix_is_not_fused_away():
    volume = _volume()
    chain = (Resample((1.0, 1.0, 1.0)),)
    plans = {"ct": Plan(volume.spec, chain), "image": Plan(volume.spec, (*chain, WINDOW))}
    made = run_together(plans, volume.crop_to, {n: p.target.grid for n, p in plans.items()})
    assert made["ct"].array.dtype == np.int16
    assert made["image"].array.dtype == np.float16


def test_labels_are_refused_by_intensity_stages():
    with pytest.raises(RecipeError, match="'window' does not take labels"):
        Plan(_volume().spec, (Threshold(lower=0.0), WINDOW))


def test_the_intensity_plan_leaves_out_what_moves_voxels():
    plan = Plan(_volume().spec, (Resample((1.0, 1.0, 1.0)), WINDOW))
    assert plan.intensity.stages == (WINDOW,)
    assert plan.intensity.target.grid == plan.source.grid


def test_a_failing_stage_is_named():
    @dataclass(frozen=True)
    class Broken(Stage):
        def __call__(self, volume, piece, source):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        Plan(_volume().spec, (Broken(),)).run(_volume().crop_to, _volume().grid)
    assert caught.value.__notes__ == [f"in stage {stage_name(Broken())!r}"]


def test_the_fingerprint_holds_everything_that_decides_the_bytes(monkeypatch):
    def of(raw="r", **change):
        stage = Resample(**({"spacing": (1.0, 1.0, 1.0)} | change))
        return fingerprint({"ct": Plan(_volume().spec, (stage,))}, raw)

    assert of() == of()
    assert len({of(), of("other"), of(spacing=(1.0, 1.0, 2.0)), of(order=0), of(fill=0.0)}) == 5
    before = of()
    monkeypatch.setattr(Resample, "version", 2)
    assert of() != before


def test_memory_is_bounded_before_the_run():
    source = _volume().spec
    plans = {"ct": Plan(source, (Resample((1.0, 1.0, 1.0)),))}
    ct = plans["ct"].target.nbytes
    assert peak_bytes(plans) == source.nbytes + ct + Resample.scratch * plans["ct"].target.grid.size
