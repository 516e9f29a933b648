"""Timing ours and theirs side by side, so that a busy machine disturbs both alike.

Every round runs every case once, in turn, forth and back; a ratio is taken within a round, and the table tells
its smallest, middle and largest.  Wall and CPU seconds are told apart: a peer with hidden threads shows.
"""

from __future__ import annotations

import gc
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Literal

Case = Callable[[], object]
Clock = Literal["wall", "cpu"]


@dataclass(frozen=True)
class Timing:
    """Seconds of one case, one number a round."""

    name: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    def ratio(self, peer: Timing, clock: Clock = "wall") -> tuple[float, float, float]:
        """(min, median, max) over the rounds of the peer's seconds by ours.

        >>> Timing("ours", (1.0, 2.0), (1.0, 2.0)).ratio(Timing("peer", (3.0, 8.0), (3.0, 8.0)))
        (3.0, 3.5, 4.0)
        """
        pairs = zip(getattr(peer, clock), getattr(self, clock), strict=True)
        ratios = [theirs / ours for theirs, ours in pairs]
        return min(ratios), median(ratios), max(ratios)


@dataclass(frozen=True)
class Table:
    """What a comparison measured."""

    ours: tuple[Timing, ...]
    peers: tuple[Timing, ...]

    def __str__(self) -> str:
        width = max(len(t.name) for t in (*self.ours, *self.peers))
        lines = [f"{'':{width}}   wall s   cpu s   (medians)"]
        lines += [f"{t.name:{width}} {median(t.wall):8.4f} {median(t.cpu):7.4f}" for t in (*self.ours, *self.peers)]
        lines += ["", "times as fast as         wall: min  median  max      cpu: min  median  max"]
        for ours in self.ours:
            for peer in self.peers:
                told = ["  ".join(f"{r:6.2f}" for r in ours.ratio(peer, clock)) for clock in ("wall", "cpu")]
                lines.append(f"{ours.name} : {peer.name}".ljust(24) + f"  {told[0]}    {told[1]}")
        return "\n".join(lines)

    def save(self, path: Path, packages: tuple[str, ...], **about: Any) -> None:
        """Writes all seconds as JSON, with the machine, the versions of ``packages`` and what else is ``about`` it."""
        machine = {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "python": platform.python_version(),
        }
        versions = {name: version(name) for name in packages}
        ratios = [
            {"ours": a.name, "peer": b.name, "wall": a.ratio(b), "cpu": a.ratio(b, "cpu")}
            for a in self.ours
            for b in self.peers
        ]
        told = {**about, "machine": machine, "versions": versions, "ratios": ratios, **asdict(self)}
        path.write_text(json.dumps(told, indent=1) + "\n")


def paired(ours: Mapping[str, Case], peers: Mapping[str, Case], repeats: int) -> Table:
    """Runs every case once to warm up, then ``repeats`` rounds of all of them.

    Raises ValueError for fewer than one round.
    """
    if repeats < 1:
        raise ValueError("repeats must be at least 1")
    cases = {**ours, **peers}
    for case in cases.values():
        case()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for n in range(repeats):
        for name in list(cases)[:: -1 if n % 2 else 1]:
            seconds[name].append(_seconds(cases[name]))
    timings = {name: Timing(name, *map(tuple, zip(*rounds, strict=True))) for name, rounds in seconds.items()}
    return Table(tuple(timings[name] for name in ours), tuple(timings[name] for name in peers))


def _seconds(case: Case) -> tuple[float, float]:
    """(wall, CPU) of one run; CPU is that of all threads of this process."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    case()
    return time.perf_counter() - wall, time.process_time() - cpu


def _processor() -> str:
    """The model's name where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
