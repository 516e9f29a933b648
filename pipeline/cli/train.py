"""``scanmill train``: a network from what a recipe has made."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.cli import options


@click.command()
@click.argument("recipe")
@options.output
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder below which the model's own is written; SCANMILL_MODELS may name it.",
)
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True, help="That share every batch.")
@options.json
@options.progress
def train(recipe: str, out: Path, to: Path, processes: int, as_json: bool, no_progress: bool) -> int:
    """Train the network of RECIPE's `train` block on what `scanmill run RECIPE` has made in OUT.

    The same command again goes on from the last saved state.
    """
    from pipeline import recipe as recipes
    from pipeline.cli.progress import counting
    from pipeline.models import device
    from pipeline.store.layout import Output

    where = device.chosen()
    from pipeline.learn.state import Point
    from pipeline.learn.train import train as trained

    loaded = recipes.load(recipe, Output(out).fits)
    steps = loaded.train.settings.steps if loaded.train is not None else 0
    with counting("steps", shown=not no_progress) as advance:

        def shown(point: Point | None, done: int) -> None:
            advance(done, steps)
            if point is not None and not no_progress:
                dice = "".join(f", Dice of {name} {value:.4f}" for name, value in point.dice.items())
                click.echo(f"step {point.step:,}: loss {point.loss:.4f}{dice}", err=True)

        folder = trained(loaded, out, to, processes=processes, device=where, advance=shown)
    words = f"{folder.name}: written to {folder}; known where SCANMILL_MODELS names {to}"
    click.echo(json.dumps({"model": folder.name}) if as_json else words)
    return 0
