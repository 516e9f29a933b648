"""``scanmill plan``: what a run would do, and why; runs nothing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from pipeline.cli import options


@click.command()
@click.argument("recipe")
@options.output
@options.selection
@options.json
def plan(recipe: str, out: Path, where: str | None, shard: tuple[int, int], limit: int | None, as_json: bool) -> None:
    """Say what `run RECIPE` would do with what OUT's catalog holds: to do, stale, up to date, refused."""
    from collections import Counter

    from pipeline import recipe as recipes
    from pipeline.cli.show import reason_lines, size
    from pipeline.engine import driver
    from pipeline.engine.todo import State, counts
    from pipeline.store.layout import Output

    loaded = recipes.load(recipe, Output(out).fits)
    items = driver.plan(Output(out.resolve()), loaded, driver.Options(where=where, shard=shard, limit=limit))
    states = counts(items)
    todo = [item for item in items if item.state in (State.TO_DO, State.STALE)]
    nbytes, peak = sum(item.nbytes for item in todo), max((item.peak_bytes or 0 for item in todo), default=0)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "recipe": loaded.name,
                    "states": states,
                    "voxel_bytes": nbytes,
                    "peak_bytes": peak or None,
                    "items": [dataclasses.asdict(item) for item in items],
                }
            )
        )
        return
    click.echo(f"{loaded.name}: {len(items):,} volumes selected: " + ", ".join(f"{n:,} {s}" for s, n in states.items()))
    click.echo(f"voxels to read: {size(nbytes)}" + (f"; most memory for one volume: {size(peak)}" if peak else ""))
    for state in (State.TO_DO, State.STALE):
        for why, n in Counter(item.why for item in todo if item.state is state).items():
            click.echo(f"  {state}: {n:,} because {why}")
    profiles = Counter(item.profile for item in items if item.profile)
    for profile, n in sorted(profiles.items()):
        click.echo(f"  vendor profile {profile}: {n:,}")
    refused = Counter(item.why for item in items if item.state is State.REFUSED)
    click.echo("\n".join(reason_lines(refused, "volumes")), nl=bool(refused))
