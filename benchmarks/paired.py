"""Timing ours and theirs side by side, so that a busy machine disturbs both alike.

Every round runs every case once, in turn, forth and back; a ratio is taken within a round, and the table tells
its smallest, middle and largest.  Wall and CPU seconds are told apart: a peer with hidden threads shows.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.memory import Peak

Case = Callable[[], object]
Clock = Literal["wall", "cpu"]


@dataclass(frozen=True)
class Timing:
    """One case.

    Attributes
    ----------
    wall, cpu : seconds, one number a round
    extra_bytes : most memory held beyond what was held before, in the worst round; None where nothing tells
    error : how far the result is from the reference; None where there is none
    """

    name: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    extra_bytes: int | None = None
    error: float | None = None

    def ratio(self, peer: Timing, clock: Clock = "wall") -> tuple[float, float, float]:
        """(min, median, max) over the rounds of the peer's seconds by ours.

        >>> Timing("ours", (1.0, 2.0), (1.0, 2.0)).ratio(Timing("peer", (3.0, 8.0), (3.0, 8.0)))
        (3.0, 3.5, 4.0)
        """
        pairs = zip(getattr(peer, clock), getattr(self, clock), strict=True)
        ratios = [theirs / ours for theirs, ours in pairs]
        return min(ratios), median(ratios), max(ratios)

    def __str__(self) -> str:
        extra = "" if self.extra_bytes is None else f"{self.extra_bytes / 2**20:.0f}"
        error = "" if self.error is None else f"{self.error:.2g}"
        return f"{median(self.wall):9.4f} {median(self.cpu):9.4f} {extra:>9} {error:>9}"


@dataclass(frozen=True)
class Table:
    """What a comparison measured."""

    ours: tuple[Timing, ...]
    peers: tuple[Timing, ...]

    def rates(self, count: int) -> dict[str, tuple[float, float, float]]:
        """(min, median, max) over the rounds of ``count`` things by the CPU seconds of each case."""
        found = {t.name: sorted(count / seconds for seconds in t.cpu) for t in (*self.ours, *self.peers)}
        return {name: (rates[0], median(rates), rates[-1]) for name, rates in found.items()}

    def __str__(self) -> str:
        timings = (*self.ours, *self.peers)
        width = max(len(t.name) for t in timings)
        lines = [f"{'medians':{width}} {'wall s':>9} {'cpu s':>9} {'extra MiB':>9} {'error':>9}"]
        lines += [f"{t.name:{width}} {t}" for t in timings]
        pairs = {f"{a.name} : {b.name}": (a, b) for a in self.ours for b in self.peers}
        width = max(map(len, (*pairs, "times as fast as")))
        lines += ["", f"{'times as fast as':{width}}   wall: min  median     max      cpu: min  median     max"]
        for name, (ours, peer) in pairs.items():
            wall, cpu = ("  ".join(f"{r:6.2f}" for r in ours.ratio(peer, clock)) for clock in ("wall", "cpu"))
            lines.append(f"{name:{width}}      {wall}        {cpu}")
        return "\n".join(lines)

    @property
    def told(self) -> dict[str, Any]:
        """All seconds, and the ratios of every pair, as plain values."""
        ratios = [
            {"ours": a.name, "peer": b.name, "wall": a.ratio(b), "cpu": a.ratio(b, "cpu")}
            for a in self.ours
            for b in self.peers
        ]
        return {"ratios": ratios, **asdict(self)}


def paired(
    ours: Mapping[str, Case],
    peers: Mapping[str, Case],
    repeats: int,
    error: Callable[[Any], float | None] | None = None,
) -> Table:
    """Runs every case once to warm up, then ``repeats`` rounds of all of them.

    ``error`` is told what each case gave when it warmed up, and gives None where that cannot be compared.

    Raises ValueError for fewer than one round.
    """
    if repeats < 1:
        raise ValueError("repeats must be at least 1")
    cases = {**ours, **peers}
    errors: dict[str, float | None] = {}
    for name, case in cases.items():
        result = case()
        errors[name] = None if error is None else error(result)
    rounds: dict[str, list[tuple[float, float, int | None]]] = {name: [] for name in cases}
    for n in range(repeats):
        for name in list(cases)[:: -1 if n % 2 else 1]:
            rounds[name].append(_cost(cases[name]))
    timings = {name: _timing(name, rounds[name], errors[name]) for name in cases}
    return Table(tuple(timings[name] for name in ours), tuple(timings[name] for name in peers))


def _timing(name: str, rounds: list[tuple[float, float, int | None]], error: float | None) -> Timing:
    wall, cpu, extra = zip(*rounds, strict=True)
    return Timing(name, wall, cpu, None if None in extra else max(extra), error)


def _cost(case: Case) -> tuple[float, float, int | None]:
    """Wall and CPU seconds and extra bytes of one run; CPU is that of all threads, and of processes that ended."""
    gc.collect()
    peak, wall, cpu = Peak(), time.perf_counter(), _cpu()
    result = case()
    seconds = time.perf_counter() - wall, _cpu() - cpu
    extra = peak.extra_bytes
    del result
    return *seconds, extra


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
