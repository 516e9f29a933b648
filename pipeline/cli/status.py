"""``scanmill status``: how far OUT is, from the store itself."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.cli import options


@click.command()
@options.output
@options.json
def status(out: Path, as_json: bool) -> None:
    """Say how far OUT is, from its records alone; works while a run is going, and without the vault."""
    from collections import Counter

    from pipeline.cli.show import accounting_json, accounting_lines
    from pipeline.engine.runlog import runs
    from pipeline.engine.workspace import account
    from pipeline.store.layout import Output
    from pipeline.store.ledger import Ledger

    output = Output(out.resolve())
    found = account(output)
    made = Counter(r.get("recipe") or "raw" for r in Ledger(output.ledger).records() if r["type"] != "refused")
    last = runs(output.runs)[-1:]
    if as_json:
        result = {"accounting": accounting_json(found), "published": dict(made), "last_run": last[0] if last else None}
        click.echo(json.dumps(result))
        return
    click.echo("\n".join(accounting_lines(found)))
    for recipe, n in sorted(made.items()):
        click.echo(f"published, {recipe}: {n:,} volumes")
    for run in last:
        click.echo(f"last run: {run['run_id']}, " + ("goes on or was killed" if run["ended_at"] is None else "ended"))
