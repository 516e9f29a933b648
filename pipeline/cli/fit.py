"""``scanmill fit``: what is fitted over a whole archive, once, and then named by its hash."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.cli import options


@click.command()
@click.argument("recipe")
@options.output
@options.vault
@options.selection
@options.cluster
@options.json
@options.progress
def fit(
    recipe: str,
    out: Path,
    vault: Path | None,
    where: str | None,
    shard: tuple[int, int],
    limit: int | None,
    scheduler: str,
    workers: int | None,
    memory_limit: str | None,
    allow_plain_tcp: bool,
    as_json: bool,
    no_progress: bool,
) -> int:
    """Fit what RECIPE keeps over all converted volumes that it takes; write it to OUT/fits.

    A recipe then uses it by the name that is printed: {fit: NAME-HASH, keep: image}.
    """
    from pipeline import recipe as recipes
    from pipeline.cli.progress import counting
    from pipeline.cli.show import reason_lines
    from pipeline.cli.work import place, scan_into
    from pipeline.engine import driver, fitting
    from pipeline.store.layout import Output

    loaded = recipes.load(recipe, Output(out).fits)
    workspace = scan_into(out, vault, (), None, (), "split", None, shown=False)
    how = driver.Options(
        **place(scheduler, workers, memory_limit, allow_plain_tcp), where=where, shard=shard, limit=limit
    )
    with counting("volumes", shown=not no_progress) as advance:
        fitted = fitting.fit(workspace, loaded, how, advance)
    if as_json:
        names = {name: path.stem for name, path in fitted.paths.items()}
        click.echo(json.dumps({"fits": names, "n_volumes": fitted.volumes, "refused": dict(fitted.refused)}))
    else:
        for path in fitted.paths.values():
            click.echo(f"{path.stem}: fitted over {fitted.volumes:,} volumes; in a recipe: {{fit: {path.stem}}}")
        if fitted.refused:
            click.echo("\n".join(["not seen:", *reason_lines(fitted.refused, "volumes")]))
    return driver.EXIT_REFUSED if fitted.refused else driver.EXIT_DONE
