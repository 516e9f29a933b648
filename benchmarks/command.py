"""What a comparison is, and the command that runs those of one module."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.paired import Case, Table, paired
from benchmarks.peers import versions

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Comparison:
    """Cases that do the same job on the same image.

    Attributes
    ----------
    ours, peers : cases by name; what a case makes of its input it makes anew at each call
    left_out : peers that are not installed
    error : how far what a case gave is from the reference; None for what lies on another grid
    of : what the error is of, in words
    count : how many things a call works through, where their rate is to be told; else 0
    """

    ours: Mapping[str, Case]
    peers: Mapping[str, Case]
    left_out: tuple[str, ...] = ()
    error: Callable[[Any], float | None] | None = None
    of: str = ""
    count: int = 0


Jobs = Mapping[str, Callable[[Shape], Comparison]]


def command(
    name: str, jobs: Jobs, shape: Shape = (300, 512, 512), repeats: int = 7
) -> Callable[[Sequence[str] | None], None]:
    """A main that runs the jobs, prints a table of each, and writes them where asked."""

    def main(arguments: Sequence[str] | None = None) -> None:
        parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
        parser.add_argument("--job", nargs="+", choices=jobs, default=list(jobs), help="all of them where left out")
        parser.add_argument("--shape", type=int, nargs=3, default=shape, metavar=("K", "J", "I"))
        parser.add_argument("--repeats", type=int, default=repeats, help="rounds")
        parser.add_argument("--json", type=Path, metavar="FILE")
        parser.add_argument("--date", help="written to the file as it is")
        told = parser.parse_args(arguments)
        measured = {job: _run(job, jobs[job], tuple(told.shape), told.repeats) for job in told.job}
        if told.json:
            about = {"benchmark": name, "date": told.date, "shape": list(told.shape), "repeats": told.repeats}
            document = {**about, "machine": _machine(), "versions": versions(), "jobs": measured}
            told.json.write_text(json.dumps(document, indent=1) + "\n")

    return main


def _run(job: str, compare: Callable[[Shape], Comparison], shape: Shape, repeats: int) -> dict[str, Any]:
    made = compare(shape)
    table = paired(made.ours, made.peers, repeats, made.error)
    print(_page(job, made, table, shape, repeats))
    rates = {"count": made.count, "per_cpu_second": table.rates(made.count)} if made.count else {}
    return {"left_out": list(made.left_out), "error_of": made.of or None, **rates, **table.told}


def _page(job: str, made: Comparison, table: Table, shape: Shape, repeats: int) -> str:
    lines = [f"== {job}, {' x '.join(map(str, shape))}, {repeats} rounds", str(table)]
    lines += [f"error: {made.of}"] if made.of else []
    rates = table.rates(made.count) if made.count else {}
    lines += [f"{name}, a CPU second: {_spread(rate)}, of {made.count}" for name, rate in rates.items()]
    lines += [f"not installed, so left out: {', '.join(made.left_out)}"] if made.left_out else []
    return "\n".join([*lines, ""])


def _spread(rate: tuple[float, float, float]) -> str:
    low, middle, high = (f"{r:.0f}" for r in rate)
    return f"{middle} ({low}, {high})"


def _machine() -> dict[str, str]:
    """What the seconds depend on; the processor's name where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": names[0] if names else platform.processor(),
        "python": platform.python_version(),
    }
