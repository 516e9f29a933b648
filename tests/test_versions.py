"""The numbers that a stage makes belong to its version: other numbers need another version."""

from hashlib import sha256

import numpy as np
import pytest

from pipeline.grid import Grid
from pipeline.plan import Plan, stage_name
from pipeline.stages import available
from pipeline.stages.resample import Resample
from pipeline.stages.threshold import Threshold
from pipeline.stages.voi import Voi
from pipeline.stages.window import Window
from pipeline.volume import Volume

STAGES = [
    (Resample((1.0, 0.7, 1.3)), 1, "5ba83633c9e0adc3"),
    (Resample((1.0, 0.7, 1.3), order=0), 1, "33b978ad493376d8"),
    (Window(40, 400), 1, "dcc0bcc671f09588"),
    (Window(40, 400, "uint8"), 1, "5ec4d8ff88b78746"),
    (Voi(300, 1500, True, "float32"), 1, "f640522044325431"),
    (Threshold(lower=-200, closing_mm=2.0), 1, "3f933909a3c8da54"),
    (Threshold(lower=100, upper=900, largest=True), 1, "1dea1acea9b69c63"),
]


def made(stage):
    """sha256 of what a stage makes of fixed numbers, from no generator that may change."""
    shape = (9, 20, 24)
    k, j, i = np.indices(shape)
    array = ((k * 7919 + j * 104729 + i * 1299709) % 3001 + 40 * j - 1400).astype("i2")
    volume = Volume(array, Grid(np.diag([2.5, 0.8, 0.8, 1.0]), shape))
    plan = Plan(volume.spec, (stage,))
    return sha256(plan.run(volume.crop_to, plan.target.grid).array.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(("stage", "version", "golden"), STAGES, ids=lambda value: str(value)[:40])
def test_a_version_makes_the_numbers_that_it_made(stage, version, golden):
    assert (stage.version, made(stage)) == (version, golden), "raise the stage's version, then the golden hash"


def test_every_stage_is_held():
    assert {stage_name(stage) for stage, _, _ in STAGES} == set(available())
