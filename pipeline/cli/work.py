"""What ``scan`` and ``run`` do alike: open OUT with its vault and scan sources into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from pipeline.archive.scan import DEFAULT_LABELS
from pipeline.archive.vault import default_path
from pipeline.cli.progress import counting
from pipeline.engine.cluster import cores
from pipeline.engine.workspace import Workspace


def scan_into(
    out: Path,
    vault: Path | None,
    sources: Sequence[Path],
    modality: str | None,
    labels: Sequence[str],
    workers: int | None,
    *,
    shown: bool,
) -> Workspace:
    """The workspace, scanned where sources are named."""
    workspace = Workspace.open(out, vault or default_path(), sources)
    if sources:
        with counting("files", shown=shown) as advance:
            gone = workspace.scan(
                sources,
                modality=modality,
                labels=labels or DEFAULT_LABELS,
                workers=max(1, cores() if workers is None else workers),
                advance=advance,
            )
        if gone:
            click.echo(
                f"{gone:,} series of an earlier scan are not in the sources named now: name all of them", err=True
            )
    return workspace
