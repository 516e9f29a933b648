"""What commands do alike: open OUT with its vault, scan sources into it, say where work is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pipeline.archive.scan import DEFAULT_LABELS
from pipeline.archive.sources import local, source
from pipeline.archive.stacks import Irregular
from pipeline.archive.vault import default_path
from pipeline.cli.progress import counting
from pipeline.engine.cluster import cores, memory_per_worker, parse_size
from pipeline.engine.workspace import Workspace


def scan_into(
    out: Path,
    vault: Path | None,
    sources: Sequence[str],
    modality: str | None,
    labels: Sequence[str],
    irregular: Irregular,
    workers: int | None,
    *,
    shown: bool,
) -> Workspace:
    """The workspace, scanned where sources are named."""
    named = [source(text) for text in sources]
    workspace = Workspace.open(out, vault or default_path(), local(named))
    if named:
        with counting("files", shown=shown) as advance:
            gone = workspace.scan(
                named,
                modality=modality,
                labels=labels or DEFAULT_LABELS,
                irregular=irregular,
                workers=max(1, cores() if workers is None else workers),
                advance=advance,
            )
        if gone:
            click.echo(
                f"{gone:,} series of an earlier scan are not in the sources named now: name all of them", err=True
            )
    return workspace


def place(scheduler: str, workers: int | None, memory_limit: str | None, allow_plain_tcp: bool) -> dict[str, Any]:
    """The fields of ``engine.dispatch.Place``: one worker a core, all of this machine's memory, unless told."""
    n = cores() if workers is None else workers
    limit = memory_per_worker(n) if memory_limit is None else parse_size(memory_limit)
    return {"scheduler": scheduler, "workers": n, "memory_limit": limit, "allow_plain_tcp": allow_plain_tcp}
