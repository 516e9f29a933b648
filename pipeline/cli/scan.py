"""``scanmill scan``: what is there, from headers alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli import options

if TYPE_CHECKING:
    from pipeline.archive.stacks import Irregular


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=str))
@options.output
@options.vault
@options.scanning
@options.workers
@options.json
@options.progress
def scan(
    sources: tuple[str, ...],
    out: Path,
    vault: Path | None,
    modality: str | None,
    labels: tuple[str, ...],
    irregular: Irregular,
    workers: int | None,
    as_json: bool,
    no_progress: bool,
) -> None:
    """Read the headers of SOURCES into OUT's catalog; say what will not be touched, and why.

    SOURCES are files, folders and URLs (s3://, https://); zips and tars in them are looked into.

    Files that did not change since the last scan are not read again.
    """
    from pipeline.cli.show import accounting_json, accounting_lines, partial_lines
    from pipeline.cli.work import scan_into
    from pipeline.engine.workspace import account, read_catalog

    workspace = scan_into(out, vault, sources, modality, labels, irregular, workers, shown=not no_progress)
    found = account(workspace.output)
    lines = [*accounting_lines(found), *partial_lines(read_catalog(workspace.output))]
    click.echo(json.dumps(accounting_json(found)) if as_json else "\n".join(lines))
