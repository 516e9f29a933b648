"""``scanmill report``: the tables and the page, anew from the records."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import options


@click.command()
@options.output
def report(out: Path) -> None:
    """Write OUT/report anew from OUT's records; needs neither the archive nor the vault."""
    from pipeline.engine.workspace import publish_report
    from pipeline.store.layout import Output

    output = Output(out.resolve())
    changed = publish_report(output)
    click.echo(f"report: {out / 'report' / 'index.html'} ({len(changed)} files written)")
