"""The scoreboard of geometry: every trap, handed to every tool, all judged by one measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydicom.dataset import Dataset

import pipeline
from pipeline.bench import ours, peers
from pipeline.bench.peers import Peer
from pipeline.bench.score import Answer, Score, score
from pipeline.bench.traps import CLEAN, TRAPS, Trap
from pipeline.bench.truth import Slice

OURS = "scanmill"

Tool = Callable[[Path, Path], Answer]
"""(folder of DICOM files, folder to work in that does not exist yet) -> what came of it."""

Advance = Callable[[int, int], None]


def run(source: Sequence[Dataset], python: Path | None, advance: Advance, *, quoted: bool) -> dict[str, Any]:
    """``versions`` by tool, and ``traps``: a row each, with the score of every tool.

    Parameters
    ----------
    source : slices of one regular series, in order
    python : the interpreter of the other tools' environment; None judges this program alone
    quoted : whether the words of other tools are kept: they can hold text of the headers

    Raises
    ------
    UsageError
        If that environment lacks a tool.
    """
    versions = {OURS: pipeline.__version__} | (peers.installed(python) if python else {})
    rows = []
    with TemporaryDirectory(prefix="scanmill-bench-") as name:
        folder = Path(name)
        tools: dict[str, Tool] = {OURS: ours.convert}
        if python is not None:
            tools |= _peers(python, [tool for tool in versions if tool != OURS], source, folder / "habits")
        for n, trap in enumerate(TRAPS):
            scores = judged(trap, source, tools, folder / trap.name)
            told = {tool: s if quoted or tool == OURS else replace(s, words="") for tool, s in scores.items()}
            rows.append(
                {
                    "trap": trap.name,
                    "what": trap.what,
                    "main": trap.main,
                    "scores": {tool: asdict(s) for tool, s in told.items()},
                }
            )
            advance(n + 1, len(TRAPS))
    return {"versions": versions, "traps": rows}


def judged(trap: Trap, source: Sequence[Dataset], tools: Mapping[str, Tool], folder: Path) -> dict[str, Score]:
    """The score of each tool; all see the same files, below ``folder``, which is made."""
    slices = trap.slices(source)
    archive = _written(slices, folder / "archive")
    return {name: score(convert(archive, folder / name), slices) for name, convert in tools.items()}


def _peers(python: Path, names: Sequence[str], source: Sequence[Dataset], folder: Path) -> dict[str, Tool]:
    clean = _written(CLEAN.slices(source), folder / "archive")
    return {name: Peer(name, python).used_to(clean, folder / name).convert for name in names}


def _written(slices: Sequence[Slice], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for one in slices:
        (folder / one.file).write_bytes(one.data)
    return folder
