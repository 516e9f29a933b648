"""What this program makes of every trap; the other tools are run by hand, and their table is committed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pipeline
from pipeline.bench import geometry, ours
from pipeline.bench.geometry import OURS, judged
from pipeline.bench.score import Answer, Made, Score, Verdict
from pipeline.bench.source import first_slices
from pipeline.bench.traps import CLEAN, TRAPS, Trap
from tests.bench.series import small

RIGHT, REFUSED = Verdict.RIGHT, Verdict.REFUSED

EXPECTED = {
    "missing-one": (RIGHT, "MISSING_SLICE"),
    "missing-five": (RIGHT, "MISSING_SLICE"),
    "duplicate-file": (RIGHT, "DUPLICATE_SOP"),
    "duplicate-position": (REFUSED, "DUPLICATE_POSITION"),
    "jitter": (REFUSED, "IRREGULAR_SPACING"),
    "two-regimes": (RIGHT, "MISSING_SLICE"),
    "tilt": (RIGHT, ""),
    "localizer": (RIGHT, "LOCALIZER"),
    "mixed-spacing": (RIGHT, "MIXED_SPACING"),
    "mixed-size": (RIGHT, "MIXED_SIZE"),
    "truncated": (REFUSED, "TRUNCATED"),
    "no-positions": (REFUSED, "MISSING_GEOMETRY"),
    "clean": (RIGHT, ""),
    "tilt-tagged": (RIGHT, ""),
    "tilt-back": (RIGHT, ""),
    "two-phases": (RIGHT, ""),
    "mixed-orientation": (RIGHT, ""),
    "conflict": (REFUSED, "DUPLICATE_POSITION, DUPLICATE_SOP_CONFLICT"),
    "rounding": (RIGHT, ""),
    "numbers-reversed": (RIGHT, ""),
    "numbers-absent": (RIGHT, ""),
    "names-shuffled": (RIGHT, ""),
    "rescale": (RIGHT, ""),
    "oblique": (RIGHT, ""),
}


FAST = [trap for trap in TRAPS if trap.main or trap.name in ("clean", "tilt-back", "two-phases")]


def found(trap: Trap, folder: Path) -> Score:
    return judged(trap, small(), {OURS: ours.convert}, folder)[OURS]


@pytest.mark.parametrize(
    "trap",
    [pytest.param(trap, id=trap.name, marks=() if trap in FAST else pytest.mark.system) for trap in TRAPS],
)
def test_ours(trap: Trap, tmp_path: Path) -> None:
    result = found(trap, tmp_path)
    assert (result.verdict, result.words) == EXPECTED[trap.name]
    assert result.verdict.good
    assert result.error_mm is None or result.error_mm < 0.001
    assert result.unknown == 0


@pytest.mark.system
def test_ours_on_a_real_chest(data: Callable[..., Path], tmp_path: Path) -> None:
    source = first_slices(data("ct-chest-philips-lidc0314"))
    for trap in TRAPS:
        result = judged(trap, source, {OURS: ours.convert}, tmp_path / trap.name)[OURS]
        assert (result.verdict, result.words) == EXPECTED[trap.name], trap.name


def test_a_program_that_is_wrong_is_found_out(tmp_path: Path) -> None:
    """Ours, with the slices of a clean series told to lie 2.4 mm apart."""

    def wrong(folder: Path, scratch: Path) -> Answer:
        (volume,) = ours.convert(folder, scratch).volumes
        return Answer((Made(volume.array, volume.affine @ np.diag([0.96, 1, 1, 1])),))

    result = judged(CLEAN, small(), {"wrong": wrong}, tmp_path)["wrong"]
    assert (result.verdict, result.wrong) == (Verdict.WRONG, 1)
    assert result.error_mm == pytest.approx(11 * 0.1, abs=1e-6)


def test_a_run_gives_a_row_a_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometry, "TRAPS", (CLEAN,))
    told: list[tuple[int, int]] = []
    result = geometry.run(small(), None, lambda *at: told.append(at), quoted=True)
    assert told == [(1, 1)]
    assert result["versions"] == {OURS: pipeline.__version__}
    (row,) = result["traps"]
    assert (row["trap"], row["what"], row["main"]) == ("clean", "nothing is wrong", False)
    assert row["scores"][OURS]["verdict"] == "right"
    assert json.loads(json.dumps(result)) == result
