"""What a run leaves behind: its recipe, its environment, its events, its counts.  The only place of times."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pipeline.store.files import replace


def new_run_id(started: datetime | None = None) -> str:
    """When it started, and what tells apart those that start together."""
    return f"{started or datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


class RunLog:
    """The folder ``OUT/runs/<run_id>``.  Events hold ids, codes and numbers, nothing read from input."""

    def __init__(self, runs: Path) -> None:
        self.started = datetime.now(UTC)
        self.run_id = new_run_id(self.started)
        self.folder = runs / self.run_id

    def begin(self, recipe_text: str, methods: str, facts: Mapping[str, Any]) -> None:
        """Write what is known before the first volume."""
        replace(self.folder / "recipe.yaml", recipe_text.encode())
        replace(self.folder / "METHODS.md", methods.encode())
        installed = sorted({f"{d.metadata['Name']}=={d.version}" for d in distributions()})
        replace(self.folder / "environment.txt", ("\n".join(installed) + "\n").encode())
        self._write({**facts, "ended_at": None, "exit_code": None})

    def event(self, event: str, **facts: Any) -> None:
        """Append one line to ``log.jsonl``."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "event": event, **facts})
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(line + "\n")

    def end(self, facts: Mapping[str, Any], exit_code: int) -> None:
        """Write how it ended."""
        self._write({**facts, "ended_at": datetime.now(UTC).isoformat(), "exit_code": exit_code})

    def _write(self, facts: Mapping[str, Any]) -> None:
        run = {"run_id": self.run_id, "started_at": self.started.isoformat(), **facts}
        replace(self.folder / "run.json", json.dumps(run, indent=1, sort_keys=True).encode() + b"\n")


def runs(folder: Path) -> list[dict[str, Any]]:
    """What every run of OUT wrote, oldest first."""
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*/run.json"))]
