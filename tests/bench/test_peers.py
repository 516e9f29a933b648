"""Other tools are run as processes of their own environment; here it is that of the tests, which has SimpleITK."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.bench import peers
from pipeline.bench.geometry import judged
from pipeline.bench.peers import Peer
from pipeline.bench.score import Said, Verdict
from pipeline.bench.traps import CLEAN, TRAPS
from pipeline.errors import UsageError
from tests.bench.series import small

MISSING = next(trap for trap in TRAPS if trap.name == "missing-one")


def test_simpleitk_is_right_of_a_clean_series_and_wrong_of_one_with_a_gap(tmp_path: Path) -> None:
    peer = Peer("SimpleITK", Path(sys.executable))
    clean = judged(CLEAN, small(), {"it": peer.convert}, tmp_path / "clean")["it"]
    assert (clean.verdict, clean.said) == (Verdict.RIGHT, Said.NOTHING)
    gap = judged(MISSING, small(), {"it": peer.convert}, tmp_path / "gap")["it"]
    assert (gap.verdict, gap.said) == (Verdict.WRONG, Said.TEXT)
    # 11 slices over 27.5 mm where the step is 2.5 mm: the middle ones are half a step off.
    assert gap.error_mm == pytest.approx(1.25, abs=1e-6)
    assert gap.words.startswith("Non uniform sampling or missing slices detected")


def test_an_environment_without_the_tools_is_refused(tmp_path: Path) -> None:
    for python in (Path(sys.executable), tmp_path / "none"):
        with pytest.raises(UsageError, match="peers-geometry"):
            peers.installed(python)


@pytest.mark.parametrize(
    ("out", "err", "code", "said", "words"),
    [
        ("Found 20 files\n", "", 0, Said.NOTHING, ""),
        ("Found 21 files\nWarning: order\nWarning: gaps: /a/b.dcm\nConvert\n", "", 0, Said.TEXT, "Warning: gaps: …"),
        ("", "WARNING: In /x/y.hxx, line 502\nReader (0x55f): Non uniform\n", 0, Said.TEXT, "Non uniform"),
        ("", 'Traceback\n  File "/x/y.py", line 1\n    f(x)\na.b.AnError: A/B\n', 0, Said.TEXT, "AnError: A/B"),
        ("Removed 1\n", "", 3, Said.EXIT_CODE, "Removed 1"),
        ("", "", 3, Said.EXIT_CODE, ""),
    ],
)  # fmt: skip
def test_what_was_said_is_what_is_not_said_otherwise(
    out: str, err: str, code: int, said: Said, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(
        [
            subprocess.CompletedProcess([], 0, "Found 12 files\n", ""),
            subprocess.CompletedProcess([], code, out, err),
        ]
    )
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: next(answers))
    peer = Peer("it", Path("python")).used_to(tmp_path, tmp_path / "none")
    answer = peer.convert(tmp_path, tmp_path / "none")
    assert (answer.said, answer.words, answer.volumes) == (said, words, ())


def test_a_tool_that_does_not_end_has_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("it", 1)

    monkeypatch.setattr(subprocess, "run", late)
    answer = Peer("it", Path("python")).convert(tmp_path, tmp_path / "none")
    assert (answer.said, answer.volumes) == (Said.EXIT_CODE, ())
