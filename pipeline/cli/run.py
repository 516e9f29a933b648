"""``scanmill run``: the job; the same command again is the resume."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli import options

if TYPE_CHECKING:
    from pipeline.archive.stacks import Irregular


@click.command()
@click.argument("recipe")
@click.argument("sources", nargs=-1, type=click.Path(path_type=str))
@options.output
@options.vault
@options.scanning
@options.selection
@options.cluster
@options.device
@click.option("--max-failures", metavar="N|5%", help="Stop after more failures than this; no default.")
@options.json
@options.progress
def run(
    recipe: str,
    sources: tuple[str, ...],
    out: Path,
    vault: Path | None,
    modality: str | None,
    labels: tuple[str, ...],
    irregular: Irregular,
    where: str | None,
    shard: tuple[int, int],
    limit: int | None,
    scheduler: str,
    workers: int | None,
    memory_limit: str | None,
    max_failures: str | None,
    allow_plain_tcp: bool,
    as_json: bool,
    no_progress: bool,
) -> int:
    """Scan SOURCES if any are named, do what RECIPE says with every series it takes, and report.

    \b
    RECIPE is a file or a packaged name: raw, ct-body, ct-bone,
    ct-lungs, ct-lungs-classical, ct-lungs-train, ct-augment, mr-brain,
    mr-head, xray.
    """
    from pipeline import recipe as recipes
    from pipeline.cli.progress import counting
    from pipeline.cli.show import accounting_json, accounting_lines, reason_lines
    from pipeline.cli.work import place, scan_into
    from pipeline.engine import driver
    from pipeline.store.layout import Output

    loaded = recipes.load(recipe, Output(out).fits)
    workspace = scan_into(out, vault, sources, modality, labels, irregular, workers, shown=not no_progress)
    how = driver.Options(
        **place(scheduler, workers, memory_limit, allow_plain_tcp),
        where=where,
        shard=shard,
        limit=limit,
        max_failures=max_failures,
    )
    with counting("volumes", shown=not no_progress) as advance:
        done = driver.run(workspace, loaded, recipes.source_text(recipe), how, advance)
    if as_json:
        facts = dataclasses.asdict(done) | {"accounting": accounting_json(done.accounting), "exit_code": done.exit_code}
        click.echo(json.dumps(facts))
        return done.exit_code
    states = ", ".join(f"{count:,} {state}" for state, count in done.before.items())
    click.echo(f"{done.recipe}: {sum(done.before.values()):,} volumes selected: {states}")
    if done.run_id is None:
        click.echo("nothing to do" + ("; nothing was written" if not done.changed else ""))
    else:
        click.echo(f"published {done.made:,} groups")
    if done.refused:
        click.echo("\n".join(["refused:", *reason_lines(done.refused, "volumes")]))
    click.echo("\n".join(accounting_lines(done.accounting)))
    click.echo(f"report: {out / 'report' / 'index.html'}")
    if done.stopped:
        click.echo(f"stopped: {done.stopped}", err=True)
    return done.exit_code
