"""Each benchmark runs, tiny, and tells what it should; nothing here is timed."""

import json
import re
import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from benchmarks import __main__ as every
from benchmarks import archive, inference, peers
from benchmarks.__main__ import NAMES
from benchmarks.command import Comparison, command
from benchmarks.memory import Peak
from benchmarks.paired import Timing, paired
from pipeline.grid import Grid
from pipeline.plan import Plan
from pipeline.stages.resample import Resample
from pipeline.stages.window import Window
from pipeline.volume import Volume

ROOT = Path(__file__).parent.parent

EXACT = {
    "window": 1e-3,
    "zscore": 1e-5,
    "percentiles": 1e-5,
    "quality": 1e-3,
    "components": 0,
    "resample": 1,
    "affine": 1,
}
"""The most by which ours may be off where that is told."""


@pytest.mark.filterwarnings("ignore:.*folding may occur:RuntimeWarning")  # a peer of so small a volume
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_ours_is_right(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(inference, "SMALL", 5)
    monkeypatch.setattr(archive, "SERIES", 2)
    path = tmp_path / "told.json"
    shape = {"bias": "12 40 40", "inference": "8 16 16"}.get(name, "12 48 96")
    arguments = ["--shape", *shape.split(), "--repeats", "1", "--json", str(path), "--date", "2026-01-01"]
    arguments += ["--job", *(set(inference.JOBS) - {"compiled"})] if name == "inference" else []  # takes minutes
    import_module(f"benchmarks.{name}").main(arguments)
    told, page = json.loads(path.read_text()), capsys.readouterr().out
    assert told["benchmark"] == name
    assert told["date"] == "2026-01-01"
    assert {"numpy", "numba", "simpleitk", "scipy", "scikit-image"} <= set(told["versions"])
    for job, table in told["jobs"].items():
        assert job in page
        assert {len(t["wall"]) for t in table["ours"] + table["peers"]} == {1}
        assert set(table["left_out"]).isdisjoint(t["name"] for t in table["peers"])
        for timing in table["ours"]:
            assert timing["error"] is None or timing["error"] <= EXACT.get(name, 1)


def test_all_are_run_one_after_another(tmp_path, capfd):
    every.main(["--only", "window", "--out", str(tmp_path / "made"), "--shape", "2", "8", "8", "--repeats", "1"])
    assert json.loads((tmp_path / "made" / "window.json").read_text())["shape"] == [2, 8, 8]
    assert "# window" in capfd.readouterr().out
    there = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("golden")}
    helpers = {"__init__", "__main__", "command", "images", "lungs", "memory", "paired", "peers", "summary"}
    assert set(NAMES) == there - helpers


def test_rounds_are_interleaved_forth_and_back():
    ran: list[str] = []
    cases = {name: (lambda name=name: ran.append(name)) for name in "abc"}
    table = paired({"a": cases["a"]}, {"b": cases["b"], "c": cases["c"]}, 2)
    assert "".join(ran) == "abc" + "abc" + "cba"
    assert [t.name for t in table.peers] == ["b", "c"]
    with pytest.raises(ValueError, match="repeats"):
        paired({"a": cases["a"]}, {}, 0)


def test_a_ratio_is_taken_within_a_round():
    ours, peer = Timing("ours", (1.0, 10.0, 2.0), (1, 1, 1)), Timing("peer", (8.0, 90.0, 20.0), (2, 3, 4))
    assert ours.ratio(peer) == (8.0, 9.0, 10.0)
    assert ours.ratio(peer, "cpu") == (2, 3, 4)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells")
def test_the_peak_counts_what_is_made_and_let_go():
    size = 1 << 27
    peak = Peak()
    np.ones(size, np.uint8)
    assert size * 0.99 < peak.extra_bytes < size * 1.2
    assert Peak().extra_bytes < size / 10


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells")
@pytest.mark.parametrize("order", [1, 3])
def test_resampling_and_a_window_hold_input_and_output_and_a_tenth(order):
    x = np.zeros((128, 512, 256), np.int16)
    volume = Volume(x, Grid(np.diag([1.25, 0.75, 0.75, 1.0]), x.shape))
    plan = Plan(volume.spec, (Resample((1.0, 0.7, 0.7), order), Window(40, 400)))
    plan.run(volume.crop_to, plan.target.grid.crop((0, 0, 0), (8, 8, 8)))  # compiles
    peak = Peak()
    made = plan.run(volume.crop_to, plan.target.grid)
    assert peak.extra_bytes < made.array.nbytes + 0.1 * (x.nbytes + made.array.nbytes)


def test_what_is_not_installed_is_named_and_other_errors_are_not_hidden():
    def missing(name):
        raise ModuleNotFoundError("", name=name)

    made = peers.ready({"a": lambda: list, "MONAI": lambda: missing("monai.transforms")})
    assert made == ({"a": list}, ("MONAI",))
    with pytest.raises(ModuleNotFoundError):
        peers.ready({"a": lambda: missing("json5")})


def test_the_error_is_told_beside_the_seconds(capsys):
    def compare(shape):
        """A job."""
        return Comparison({"ours": lambda: 1.0}, {"theirs": lambda: 3.0}, ("gone",), lambda told: told - 1, "steps")

    command("made", {"job": compare})(["--repeats", "2"])
    page = capsys.readouterr().out
    assert re.search(r"^theirs .* 2$", page, re.MULTILINE)
    assert "error: steps" in page
    assert "left out: gone" in page


@pytest.mark.parametrize("name", ["peers.txt", "peers-geometry.txt"])
def test_peers_are_bounded_explained_and_never_needed(name: str):
    lines = (ROOT / "benchmarks" / name).read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {Requirement(line).name for line in project["dependencies"]}
    text = (ROOT / "docs" / "dependencies.md").read_text()
    for requirement in [Requirement(line) for line in lines if not line.startswith("#")]:
        assert {bound.operator for bound in requirement.specifier} == {">=", "<"}
        assert requirement.name not in needed
        (row,) = re.findall(rf"^\| {requirement.name} \|.*$", text.partition("## Peers")[2], re.MULTILINE)
        assert all(str(bound) in row for bound in requirement.specifier)
