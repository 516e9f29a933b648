"""A scheduler by address, shared by several runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from distributed import LocalCluster

from pipeline.engine.workspace import Workspace
from tests.archive.makers import ct_series, uid
from tests.engine.jobs import BODY, published, run

pytestmark = pytest.mark.system


def test_two_runs_on_one_scheduler_each_fill_their_own_output(tmp_path):
    recipe = tmp_path / "body.yaml"
    recipe.write_text(BODY)
    for name in ("p", "q"):
        for n in range(30):
            ct_series(tmp_path / name / str(n), n=4, seed=n, SeriesInstanceUID=uid(name, n))
    script = Path(sys.executable).with_name("scanmill")
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as cluster:
        runs = {}
        for name in ("p", "q"):
            where = ["-o", tmp_path / f"out-{name}", "--vault", tmp_path / name.upper()]
            command = [script, "run", recipe, tmp_path / name, *where, "--scheduler", cluster.scheduler_address]
            runs[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        codes = {name: process.wait(timeout=200) for name, process in runs.items()}
    assert codes == {"p": 0, "q": 0}
    for name in ("p", "q"):
        clean = Workspace.open(tmp_path / f"clean-{name}", tmp_path / name.upper(), [tmp_path / name])
        clean.scan([tmp_path / name])
        run(clean)
        assert published(tmp_path / f"out-{name}") == published(clean.output.root)
