"""Where a worker works: the paths and limits that never travel inside a task."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.archive.formats.limits import Limits
from pipeline.store.layout import Output
from pipeline.store.ledger import Ledger


@dataclass(frozen=True)
class Site:
    """Handed to every worker once; tasks carry ids only, so paths stand in no task, key or log.

    Attributes
    ----------
    out, vault, staging : folders; ``staging`` is this run's own, inside OUT
    memory_bytes : what one volume may take in a worker
    """

    out: Path
    vault: Path
    staging: Path
    memory_bytes: int
    limits: Limits = field(default_factory=Limits)

    @property
    def output(self) -> Output:
        return Output(self.out)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.output.ledger)
