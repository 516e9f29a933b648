"""What a step cost on this machine: seconds, bytes, memory.  Nothing here enters a published volume."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

_SELF = Path("/proc/self")


@dataclass
class Costs:
    """Steps in the order in which they ended; made anew for every volume."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        _forget_peak()

    def add(self, step: str, seconds: float, nbytes: int) -> None:
        """A step that was timed elsewhere; ``nbytes`` is what it read or wrote, or made in memory."""
        self.steps.append({"step": step, "seconds": round(seconds, 6), "bytes": int(nbytes)})

    @contextmanager
    def step(self, name: str) -> Iterator[list[int]]:
        """Time a step; put its bytes into the list."""
        nbytes: list[int] = []
        begun = perf_counter()
        yield nbytes
        self.add(name, perf_counter() - begun, sum(nbytes))

    @staticmethod
    def peak_rss_bytes() -> int:
        """Most memory this process held since the volume began (since it was born, outside Linux)."""
        status = _SELF / "status"
        if status.exists():
            (line,) = [text for text in status.read_text().splitlines() if text.startswith("VmHWM")]
            return int(line.split()[1]) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _forget_peak() -> None:
    """Linux: begin a new high-water mark (proc(5), clear_refs 5); where that is forbidden the old one stays."""
    try:
        (_SELF / "clear_refs").write_text("5")
    except OSError:
        return
