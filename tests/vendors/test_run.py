"""A run with a profile: what the ledger, the report and the plan say of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.cli import main
from pipeline.engine import driver
from pipeline.recipe import Recipe
from pipeline.vendors.profile import Profile
from tests.archive.makers import ct_series, uid
from tests.engine.jobs import recipe, workspace

TEXT = """\
name: test
stages:
  - {use: resample, spacing: [5, 0.8, 0.8], keep: a}
  - {use: otsu, from: raw, keep: b}
"""


def test_the_report_says_which_profile_and_version(tmp_path: Path) -> None:
    for n, maker in enumerate(("GE MEDICAL SYSTEMS", "SIEMENS", "Acme")):
        ct_series(tmp_path / "src" / maker, n=4, seed=n, Manufacturer=maker, SeriesInstanceUID=uid("series", n))
    held = workspace(tmp_path, tmp_path / "src")
    defaults = (("otsu", (("closing_mm", 2.0),)),)
    own = Profile("own", 1, (("manufacturer", ("GE",)),), defaults=defaults)

    def run(profile: Profile) -> dict[tuple[str, str], str | None]:
        made: Recipe = replace(recipe(TEXT), profiles=(profile,))
        driver.run(held, made, TEXT, driver.Options(workers=0), lambda done, total: None)
        rows = pq.read_table(held.output.root / "report" / "volumes.parquet").to_pylist()
        of = {row["volume_id"]: str(row["profile"]) for row in rows if row["recipe"] == "raw"}
        return {(of[row["volume_id"]], row["recipe"]): row["profile"] for row in rows}

    expected = {
        ("ct-ge 1", "raw"): "ct-ge 1",
        ("ct-siemens 1", "raw"): "ct-siemens 1",
        ("None", "raw"): None,
        ("ct-ge 1", "test"): "own 1",
        ("ct-siemens 1", "test"): None,
        ("None", "test"): None,
    }
    assert run(own) == expected
    items = driver.plan(held.output, replace(recipe(TEXT), profiles=(replace(own, version=2),)), driver.Options())
    assert sorted((str(item.state), item.profile) for item in items) == [
        ("stale", "own 2"),
        ("up to date", None),
        ("up to date", None),
    ]
    assert run(replace(own, version=2)) == expected | {("ct-ge 1", "test"): "own 2"}
    items = driver.plan(held.output, replace(recipe(TEXT), profiles=(replace(own, version=2),)), driver.Options())
    assert sorted((str(item.state), str(item.profile)) for item in items) == [
        ("up to date", "None"),
        ("up to date", "None"),
        ("up to date", "own 2"),
    ]


def test_a_refusal_says_it_too(tmp_path: Path) -> None:
    ct_series(tmp_path / "src", n=4, Manufacturer="GE MEDICAL SYSTEMS")
    held = workspace(tmp_path, tmp_path / "src")
    text = "name: test\nstages:\n  - {use: n4, keep: a}\n"
    own = Profile("own", 1, (("modality", ("CT",)),), defaults=(("n4", (("shrink_mm", 100.0),)),))  # too few cells
    driver.run(held, replace(recipe(text), profiles=(own,)), text, driver.Options(workers=0), lambda done, total: None)
    rows = pq.read_table(held.output.root / "report" / "volumes.parquet").to_pylist()
    assert [(row["recipe"], row["reason"], row["profile"]) for row in rows] == [
        ("raw", None, "ct-ge 1"),
        ("test", "NO_BIAS_FIELD", "own 1"),
    ]


def test_a_command_takes_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "name: own\nversion: 7\nmatch: {modality: CT}\ndefaults: {clip: {lower: 0}}\n"
    (tmp_path / "vendors").mkdir()
    (tmp_path / "vendors" / "own.yaml").write_text(own)
    monkeypatch.setenv("SCANMILL_VENDORS", str(tmp_path / "vendors"))
    monkeypatch.setenv("SCANMILL_VAULT", str(tmp_path / "vault"))
    monkeypatch.setenv("SCANMILL_OUT", str(tmp_path / "out"))
    ct_series(tmp_path / "src", n=4)
    text = tmp_path / "test.yaml"
    text.write_text("name: test\nstages:\n  - {use: clip, upper: 100, keep: a}\n")
    assert main(["run", str(text), str(tmp_path / "src"), "--workers", "0"]) == 0
    (report,) = (tmp_path / "out" / "runs").glob("*/METHODS.md")
    assert "- `own` (version 7; modality CT): clip, lower = 0.0\n" in report.read_text()
    capsys.readouterr()
    assert main(["plan", str(text)]) == 0
    assert "vendor profile own 7: 1" in capsys.readouterr().out
