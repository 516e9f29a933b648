"""L9: what a plan may take is known before it runs, whatever its steps hold beside their volumes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.grid import IDENTITY, Grid
from pipeline.plan import peak_bytes
from pipeline.volume import Facts, Spec
from tests.engine.jobs import recipe

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
SHAPE = (160, 256, 256)

PROGRAM = """
import sys
import numpy as np
from pipeline.engine.costs import Costs
from pipeline.grid import IDENTITY, Grid
from pipeline.plan import run_together
from pipeline.settle import settle
from pipeline.volume import Facts, Volume
from tests.engine.jobs import recipe

def job(shape):
    steps = np.random.default_rng(1).integers(-60, 61, shape, dtype="i2")
    raw = Volume(np.cumsum(steps, axis=2, dtype="i2") + np.int16(900), Grid(IDENTITY, shape))
    plans = recipe(sys.argv[1]).compile(raw.spec, Facts(modality="CT"), "v")
    settled, known = settle(plans, raw.crop_to)
    run_together(settled, raw.crop_to, {n: p.target.grid for n, p in settled.items()}, known)

job((24, 32, 40))
Costs()
before = Costs.peak_rss_bytes()
job(tuple(map(int, sys.argv[2:])))
print(Costs.peak_rss_bytes() - before)
"""

STEPS = {
    "cubic": "{use: resample, spacing: [0.9, 0.9, 0.9], order: 3, keep: x}",
    "half floats": "{use: window, center: 900, width: 900}\n  - {use: resample, spacing: [1, 0.9, 1], keep: x}",
    "turned": "{use: transform, degrees: [0, 0, 20], order: 3, keep: x}",
    "turned halves": "{use: window, center: 900, width: 900}\n"
    "  - {use: transform, degrees: [0, 0, 20], order: 3, keep: x}",
    "coarser": "{use: transform, spacing: [2, 2, 2], degrees: [9, 0, 0], order: 3, antialias: true, keep: x}",
    "distance": "{use: threshold, lower: 900}\n  - {use: distance, keep: x}",
    "components": "{use: threshold, lower: 900}\n  - {use: components, largest: 9, numbered: true, keep: x}",
    "isolate": "{use: isolate, lower: 900, thin_mm: 2}\n  - {use: hysteresis, lower: 1500, wide_lower: 900, keep: x}",
    "holes": "{use: threshold, lower: 900}\n  - {use: morphology, operation: open, radius_mm: 3}\n"
    "  - {use: fill_holes, keep: x}",
    "n4": "{use: n4, keep: x}",
    "fits": "{use: otsu, as: m}\n  - {use: zscore, from: raw, within: m, keep: x}\n"
    "  - {use: equalize, from: raw, keep: y}",
    "blur": "{use: blur, sigma_mm: [2, 2, 2]}\n  - {use: low_resolution, zoom: [0.5, 0.5, 0.5], order: 3, keep: x}",
    "noise": "{use: noise, sd: 20, model: rician}\n  - {use: clahe, lower: 0, upper: 1800, keep: x}",
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_plan_takes_no_more_than_was_said(steps):
    text = f"name: x\nstages:\n  - {steps}\n"
    command = [sys.executable, "-c", PROGRAM, text, *map(str, SHAPE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    spec = Spec(Grid(IDENTITY, SHAPE), "image", np.dtype("i2"))
    bound, taken = peak_bytes(recipe(text).compile(spec, Facts(modality="CT"), "v")), int(done.stdout)
    assert taken < bound + 2**24, f"{taken / 2**20:.0f} of {bound / 2**20:.0f} MiB"
    assert bound < 4 * taken, "a bound that says nothing"
