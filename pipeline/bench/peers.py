"""The other tools, run by the interpreter of their own environment: what each made of a folder, and what it said."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.bench import peer_script
from pipeline.bench.score import Answer, Made, Said
from pipeline.errors import UsageError

TIME_LIMIT_S = 120


@dataclass(frozen=True)
class Peer:
    """One tool.

    Attributes
    ----------
    python : the interpreter of its environment
    habits : what it says where nothing is wrong, without numbers and paths; the rest of what it says is news
    """

    name: str
    python: Path
    habits: frozenset[str] = frozenset()

    def convert(self, folder: Path, scratch: Path) -> Answer:
        """Everything that the tool made of ``folder``; ``scratch`` must not exist yet."""
        try:
            done = _run(self.python, self.name, str(folder), str(scratch))
        except subprocess.TimeoutExpired:
            return Answer(said=Said.EXIT_CODE, words="no end in time")
        volumes = []
        for path in sorted(scratch.glob("*.npz")):
            with np.load(path) as made:
                volumes.append(Made(made["array"], made["affine"]))
        news = [line for line in _lines(done) if _bare(line) not in self.habits]
        said = Said.EXIT_CODE if done.returncode else Said.TEXT if news else Said.NOTHING
        return Answer(tuple(volumes), said, _telling(news))

    def used_to(self, folder: Path, scratch: Path) -> Peer:
        """The same, knowing what it says of ``folder``, in which nothing is wrong."""
        said = _lines(_run(self.python, self.name, str(folder), str(scratch)))
        return replace(self, habits=frozenset(map(_bare, said)))


def installed(python: Path) -> dict[str, str]:
    """Version of each tool in that environment.  Raises UsageError where one of them is not there."""
    try:
        done = _run(python)
        done.check_returncode()
    except (OSError, subprocess.SubprocessError):
        needed = "benchmarks/peers-geometry.txt"
        raise UsageError(f"--peers must name the Python of an environment that holds {needed}") from None
    return {str(name): str(version) for name, version in json.loads(done.stdout).items()}


def _run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -I: neither this folder nor PYTHONPATH is in the tool's reach.
    command = [str(python), "-I", peer_script.__file__, *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIME_LIMIT_S, check=False)


def _lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def _bare(line: str) -> str:
    return re.sub(r"\S*/\S*|0x[0-9a-f]+|\d+", "", line)


def _telling(news: Sequence[str]) -> str:
    """The line that says most, without paths and addresses: the exception, else the last warning, else the first line.

    What comes last is what the tool made of the rest.
    """
    plain = [re.sub(r"(?<!\S)/\S+", "…", re.sub(r"^\w+ \(0x[0-9a-f]+\): ", "", line)) for line in news]
    plain = [line for line in plain if not re.search(r" …,? line \d+", line)]  # that says where, not what
    raised = [line for line in plain if re.match(r"[\w.]+(Error|Exception): ", line)]
    warned = [line for line in plain if re.match("warning|error", line, re.IGNORECASE)]
    chosen = (raised or warned or plain[:1] or [""])[-1]
    return re.sub(r"^[\w.]*\.(?=\w+: )", "", chosen)
