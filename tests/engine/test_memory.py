"""L9: what a job may take is known before it runs, and it takes no more."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.engine import memory
from pipeline.grid import Grid
from pipeline.volume import Facts, Spec
from tests.engine.jobs import recipe

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys, tempfile
from pathlib import Path
import numpy as np
from pipeline.engine.costs import Costs
from pipeline.grid import IDENTITY, Grid
from pipeline.plan import run_together
from pipeline.report.measure import measure_image, measure_labels
from pipeline.store import omezarr
from pipeline.volume import Facts, Volume
from tests.engine.jobs import recipe

def job(shape):
    rng = np.random.default_rng(1)
    raw = Volume(rng.integers(-1000, 1000, shape, dtype="i2"), Grid(IDENTITY, shape))
    plans = recipe(TEXT).compile(raw.spec, Facts(modality="CT"), "v")
    made = run_together(plans, raw.crop_to, {n: p.target.grid for n, p in plans.items()})
    for name, plan in plans.items():
        if made[name].kind == "image":
            measure_image(plan, made[name], raw, Facts(modality="CT"))
        else:
            measure_labels(made[name])
    with tempfile.TemporaryDirectory() as folder:
        omezarr.write_group(Path(folder) / "v", {n: omezarr.Image(v) for n, v in made.items()})

TEXT = sys.argv[1]
job((8, 16, 16))
before = Costs.peak_rss_bytes()
job((160, 256, 256))
print(Costs.peak_rss_bytes() - before)
"""

SMALLER = "name: x\nstages:\n  - {use: resample, spacing: [1.6, 1.3, 1.3], keep: ct}\n"
SAME = "name: x\nstages:\n  - {use: window, center: 40, width: 400, dtype: float32, keep: w}\n"
HALF = "name: x\nstages:\n  - {use: resample, spacing: [0.9, 0.9, 0.9], as: a}\n"
HALF += "  - {use: window, center: 40, width: 400, keep: w}\n  - {use: threshold, from: a, lower: 0, keep: t}\n"


@pytest.mark.parametrize("text", [SMALLER, SAME, HALF])
def test_a_job_takes_no_more_than_was_said(text):
    done = subprocess.run([sys.executable, "-c", PROGRAM, text], cwd=ROOT, capture_output=True, text=True, check=True)
    spec = Spec(Grid(np.eye(4), (160, 256, 256)), "image", np.dtype("i2"))
    bound = memory.processing(recipe(text).compile(spec, Facts(modality="CT"), "v")) - memory.IDLE
    taken = int(done.stdout)
    assert taken < bound, f"{taken / 2**20:.0f} of {bound / 2**20:.0f} MiB"
    assert bound < 4 * taken, "a bound that says nothing"


def test_an_idle_worker_is_within_what_it_is_said_to_hold():
    program = "import pipeline.engine.driver; from pipeline.engine.costs import Costs; print(Costs.peak_rss_bytes())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < memory.IDLE
