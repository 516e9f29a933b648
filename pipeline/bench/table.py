"""The scoreboard as a table in Markdown: a row a trap, a column a tool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from pipeline.bench.score import Said, Verdict
from pipeline.errors import UsageError

BEGIN, END = "<!-- scoreboard: begin -->", "<!-- scoreboard: end -->"

LONGEST = 80
"""Characters of what a tool said that a cell holds; ``--json`` tells the rest."""

Result = Mapping[str, Any]
"""What ``geometry.run`` gave, with ``date``, ``source`` and ``command``."""


def table(result: Result) -> str:
    """The twelve first, then how many of them deceived nobody, then the others."""
    tools = list(result["versions"])
    rows = {main: [row for row in result["traps"] if row["main"] is main] for main in (True, False)}
    sums = [f"**{sum(_verdict(row, tool).good for row in rows[True])} of {len(rows[True])}**" for tool in tools]
    lines = [
        _line("trap", *(f"{tool} {version}" for tool, version in result["versions"].items())),
        _line("---", *("---" for _ in tools)),
        *(_line(row["what"], *(_cell(row["scores"][tool]) for tool in tools)) for row in rows[True]),
        _line("**right, refused or said**", *sums),
        *(_line(row["what"], *(_cell(row["scores"][tool]) for tool in tools)) for row in rows[False]),
    ]
    about = f"{result['date']}, {result['source']}: `{result['command']}`"
    return "\n".join([*lines, "", about, ""])


def put(page: Path, text: str) -> None:
    """Write the table into ``page``, in the place of the one there.  Raises UsageError where it has no place."""
    before, begin, rest = page.read_text().partition(BEGIN) if page.is_file() else ("", "", "")
    _, end, after = rest.partition(END)
    if not end:
        raise UsageError(f"the page to write must hold the lines {BEGIN} and {END}")
    page.write_text(f"{before}{begin}\n{text}{end}{after}")


def _verdict(row: Result, tool: str) -> Verdict:
    return Verdict(row["scores"][tool]["verdict"])


def _cell(score: Result) -> str:
    placed = f"{score['placed']} of {score['wanted']} slices"
    match Verdict(score["verdict"]):
        case Verdict.RIGHT:
            return "right" + (_said(score) if score["said"] == Said.REASON else "")
        case Verdict.REFUSED:
            return "refused" + _said(score)
        case Verdict.PARTIAL:
            return placed + _said(score)
        case Verdict.LOST:
            return f"**{placed}**{_said(score)}"
        case Verdict.WRONG:
            return f"**{_off(score)}**{_said(score)}"


def _off(score: Result) -> str:
    if score["error_mm"] is None:
        return "no slice as it was"
    among = f" in {score['wrong']} of {score['volumes']} volumes" if score["volumes"] > score["wrong"] else ""
    return f"{score['error_mm']:.3g} mm off{among}"


def _said(score: Result) -> str:
    words = shorten(score["words"], LONGEST, placeholder=" …").replace("|", "\\|")
    match Said(score["said"]):
        case Said.NOTHING:
            return "; says nothing"
        case Said.REASON:
            return f": `{words}`"
        case Said.TEXT:
            return f"; says “{words}”" if words else "; says something"
        case Said.EXIT_CODE:
            return f"; exit code: “{words}”" if words else "; exit code"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
