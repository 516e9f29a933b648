"""``scanmill demo``: a small archive to try things on, written offline."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import options


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@options.json
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, other noise and other UIDs.")
def demo(folder: Path, seed: int, as_json: bool) -> None:
    """Write a small archive with real and planted-fault series into FOLDER."""
    from pipeline.demo import write

    expected = write(folder, seed=seed)
    click.echo(expected.to_json() if as_json else expected.describe())
