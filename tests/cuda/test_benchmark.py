"""benchmarks/gpu: what it compares, a trial run, and that a bare GPU machine can run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu import inference, parity
from benchmarks.gpu.__main__ import Clock, inferred, main
from benchmarks.gpu.machine import Cpu, Gpu, host
from pipeline import stages
from pipeline.kernels import cuda
from pipeline.plan import stage_name
from tests.cuda import standin
from tests.cuda.oracle import Oracle
from tests.cuda.test_nvrtc import KERNELS

ROOT = Path(__file__).parent.parent.parent

NOT_THERE = (
    "SimpleITK",
    "pydicom",
    "nibabel",
    "zarr",
    "zarrs",
    "dask",
    "distributed",
    "duckdb",
    "click",
    "rich",
    "jinja2",
)
"""What a bare GPU machine lacks, and its wheels do not bring."""

IMPORTS = """
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))
for name in ("kernels", "stages", "fits", "draws", "tally", "plan", "recipe"):
    module = importlib.import_module("pipeline." + name)
    for info in pkgutil.walk_packages(getattr(module, "__path__", []), module.__name__ + "."):
        importlib.import_module(info.name)
import benchmarks.gpu.__main__
"""


def test_it_imports_where_little_is_installed():
    command = [sys.executable, "-c", IMPORTS, *NOT_THERE, "cupy", "cucim", "torch"]
    subprocess.run(command, cwd=ROOT, check=True)


def test_every_stage_is_compared():
    # A network is torch's: CuPy never sees it, and `benchmarks/gpu` times it apart.
    assert {stage_name(stage) for stage, _ in parity.STAGES} == set(stages.available()) - {"segment"}


@pytest.mark.system
def test_a_trial_run(tmp_path):
    path = tmp_path / "gpu.json"
    assert main(["--smoke", "--date", "2026-01-01", "--json", str(path)]) == 0
    told = json.loads(path.read_text())
    assert {row["case"] for row in told["parity"]} == set(parity.CASES)
    assert all(row["equal"] for row in told["parity"])
    assert len(told["timings"]) > 15
    assert told["device"] == "cpu"


def test_what_fails_is_noted_and_the_rest_goes_on(tmp_path, monkeypatch):
    def broken(put):
        raise RuntimeError("no such kernel")

    cases = {"kernel: extents": parity.CASES["kernel: extents"], "broken": broken, "kernel: similarity": broken}
    monkeypatch.setattr(parity, "CASES", cases)
    monkeypatch.setattr(inference, "cases", lambda *_: [])
    path = tmp_path / "gpu.json"
    assert main(["--smoke", "--date", "2026-01-01", "--json", str(path)]) == 1
    rows = json.loads(path.read_text())["parity"]
    assert [row["passed"] for row in rows] == [True, False, False]
    assert "no such kernel" in rows[1]["why"]


def test_no_part_begins_when_the_time_is_over(tmp_path):
    path = tmp_path / "gpu.json"
    main(["--smoke", "--date", "2026-01-01", "--json", str(path), "--seconds", "-1"])
    told = json.loads(path.read_text())
    assert {row["passed"] for row in told["parity"]} == {None}
    assert "no time" in told["timings"][0]["why"]


def test_a_network_is_held_to_float32(monkeypatch):
    rows = list(inferred(Cpu(), Clock(100), smoke=True))
    assert len(rows) == 18
    assert all(row["passed"] and row["repeats_bits"] and row["patches_s"] > 0 for row in rows)
    wanted = np.random.default_rng(0).normal(size=(3, 8, 8, 8))
    assert inference.compared("float32", wanted, wanted)["passed"]
    assert not inference.compared("float32", wanted, wanted[::-1])["passed"]
    assert not inference.compared("bfloat16", wanted, wanted + 2)["passed"]
    monkeypatch.setattr(inference, "topology", lambda widths: 1 / 0)
    (row,) = inferred(Cpu(), Clock(100), smoke=True)
    assert row["passed"] is False
    assert "ZeroDivisionError" in row["why"]


def test_differences_are_told():
    told = parity.compared("stage: Window", parity.image("float32"), parity.image("float32") + 1)
    assert not told["passed"]
    assert told["differing"] == 1
    assert parity.compared("stage: Distance", parity.image("float32"), parity.image("float32") * (1 + 1e-7))["passed"]


@pytest.mark.system
def test_the_command(tmp_path):
    run = [ROOT / "benchmarks" / "gpu" / "run.sh", "2026-01-01", tmp_path / "out" / "gpu.json", "--smoke"]
    subprocess.run(run, check=True, env={**os.environ, "PYTHON": sys.executable})
    assert json.loads((tmp_path / "out" / "gpu.json").read_text())["parity"]


@pytest.fixture(scope="module")
def launches(tmp_path_factory):
    """All kernels, on the CPU, with a stand-in for CuPy and for cuCIM."""
    wanted: dict[str, list[str]] = {
        source: [k for k in KERNELS[source] if k.startswith("detail")] for source in KERNELS
    }
    with pytest.MonkeyPatch.context() as patch, standin.installed():
        patch.setattr(cuda, "launch", lambda source, kernel, *_: wanted[source].append(kernel))
        for run in parity.CASES.values():
            try:
                run(standin.device)  # what it gives is garbage: this is to learn what is launched
            except Exception:
                continue
        oracles = {s: Oracle(tmp_path_factory.mktemp("cuda"), s, kernels) for s, kernels in wanted.items()}
        patch.setattr(cuda, "launch", lambda source, *how: oracles[source].launch(source, *how))
        yield wanted


@pytest.mark.system
@pytest.mark.parametrize("name", parity.CASES)
def test_parity(launches, name):
    """Law L12, all but the GPU itself: the kernels' own source, thread by thread, and whole-array operations."""
    expected, told = parity.on_cpu(name), host(parity.CASES[name](standin.device))
    assert parity.compared(name, expected, told)["passed"], parity.compared(name, expected, told)


@pytest.mark.system
def test_all_that_is_launched_is_known(launches):
    for source, kernels in launches.items():
        assert set(kernels) <= set(KERNELS[source])


def test_the_gpu_is_asked_for_by_default(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError):
        Gpu()
