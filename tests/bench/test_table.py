"""The table says what the scores say; the one in the documents is that of the measured file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.bench.score import Said, Verdict
from pipeline.bench.table import BEGIN, END, put, table
from pipeline.bench.traps import TRAPS
from pipeline.cli import main
from pipeline.errors import UsageError

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "geometry.md").read_text()
RESULTS = [
    json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text()) for name in ("geometry", "geometry-lidc")
]


def scored(verdict: Verdict, said: Said = Said.NOTHING, words: str = "", **facts: Any) -> dict[str, Any]:
    counts = {"error_mm": None, "placed": 0, "wanted": 20, "volumes": 1, "wrong": 0, "unknown": 0}
    return {**counts, "verdict": str(verdict), "said": str(said), "words": words, **facts}


def cell(score: dict[str, Any]) -> str:
    row = {"trap": "t", "what": "w", "main": True, "scores": {"it": score}}
    result = {"versions": {"it": "1"}, "traps": [row], "date": "d", "source": "s", "command": "c"}
    return table(result).splitlines()[2].removeprefix("| w | ").removesuffix(" |")


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (scored(Verdict.RIGHT, Said.TEXT, "hm"), "right"),
        (scored(Verdict.RIGHT, Said.REASON, "A, B"), "right: `A, B`"),
        (scored(Verdict.REFUSED, Said.REASON, "A"), "refused: `A`"),
        (scored(Verdict.REFUSED, Said.EXIT_CODE), "refused; exit code"),
        (scored(Verdict.REFUSED, Said.EXIT_CODE, "no|no"), "refused; exit code: “no\\|no”"),
        (scored(Verdict.PARTIAL, Said.TEXT, placed=19), "19 of 20 slices; says something"),
        (scored(Verdict.LOST, placed=19), "**19 of 20 slices**; says nothing"),
        (scored(Verdict.WRONG, error_mm=1.2345, wrong=1), "**1.23 mm off**; says nothing"),
        (
            scored(Verdict.WRONG, Said.TEXT, "hm", error_mm=123.4, wrong=1, volumes=2),
            "**123 mm off in 1 of 2 volumes**; says “hm”",
        ),
        (scored(Verdict.WRONG), "**no slice as it was**; says nothing"),
    ],
)
def test_a_cell(score: dict[str, Any], text: str) -> None:
    assert cell(score) == text


def test_the_sum_is_of_the_main_traps_alone() -> None:
    rows = [
        {"trap": str(n), "what": str(n), "main": n < 3, "scores": {"it": scored(verdict)}}
        for n, verdict in enumerate((Verdict.RIGHT, Verdict.LOST, Verdict.PARTIAL, Verdict.WRONG))
    ]
    lines = table(
        {"versions": {"it": "1"}, "traps": rows, "date": "d", "source": "s", "command": "c"},
    ).splitlines()
    assert lines[5] == "| **right, refused or said** | **2 of 3** |"
    assert lines[6].startswith("| 3 | ")


def test_a_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    put(page, "new\n")
    put(page, "newer\n")
    assert page.read_text() == f"above\n{BEGIN}\nnewer\n{END}\nbelow\n"
    for text in ("no place", f"{BEGIN} only"):
        page.write_text(text)
        with pytest.raises(UsageError):
            put(page, "new\n")
        assert page.read_text() == text
    with pytest.raises(UsageError):
        put(tmp_path / "none.md", "new\n")


def test_the_documents_show_what_was_measured() -> None:
    bundled, lidc = map(table, RESULTS)
    assert f"{BEGIN}\n{bundled}{END}" in PAGE
    head, rule, *_ = lidc.splitlines()
    (sums,) = (line for line in lidc.splitlines() if "right, refused or said" in line)
    assert "\n".join((head, rule, sums)) in PAGE.partition(END)[2]


@pytest.mark.parametrize("measured", RESULTS)
def test_what_was_measured_is_of_these_traps_and_of_all_tools(measured: dict[str, Any]) -> None:
    assert [(row["trap"], row["what"], row["main"]) for row in measured["traps"]] == [
        (trap.name, trap.what, trap.main) for trap in TRAPS
    ]
    assert set(measured["versions"]) == {"scanmill", "SimpleITK", "dcm2niix", "dicom2nifti"}
    assert all(Verdict(row["scores"]["scanmill"]["verdict"]).good for row in measured["traps"])


@pytest.mark.parametrize("measured", RESULTS)
def test_of_a_clean_series_every_tool_is_right(measured: dict[str, Any]) -> None:
    """Else the harness would be what is wrong."""
    (clean,) = (row for row in measured["traps"] if row["trap"] == "clean")
    assert {score["verdict"] for score in clean["scores"].values()} == {"right"}


def test_of_a_series_that_is_not_ours_no_words_are_kept() -> None:
    """Other tools may quote a header."""
    said = [score for row in RESULTS[1]["traps"] for tool, score in row["scores"].items() if tool != "scanmill"]
    assert {score["words"] for score in said} == {""}


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}")
    made = {"versions": {"scanmill": "1"}, "traps": []}

    def run(source: list[Any], python: Path | None, advance: Any, *, quoted: bool) -> dict[str, Any]:
        assert (len(source), python, quoted) == (20, None, True)
        return made

    monkeypatch.setattr("pipeline.bench.geometry.run", run)
    assert main(["bench", "geometry", "--no-progress", "--json", "--write", str(page)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {key: told[key] for key in made} == made
    assert page.read_text() == f"{BEGIN}\n{table(told)}{END}"
    score = scored(Verdict.WRONG, error_mm=1.0, wrong=1)
    made["traps"] = [{"trap": "t", "what": "w", "main": True, "scores": {"scanmill": score}}]  # type: ignore[assignment]
    assert main(["bench", "geometry", "--no-progress"]) == 1
    assert "1 mm off" in capsys.readouterr().out
