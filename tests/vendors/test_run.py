"""A run with a profile: what the ledger, the report and the plan say of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

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
