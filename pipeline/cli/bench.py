"""``scanmill bench``: this program beside others, on the user's own machine."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli import options


@click.group()
def bench() -> None:
    """Compare with other tools, on this machine."""


@bench.command()
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with one regular CT series to make the traps of. Default: pydicom's CT_small, 20 slices made of it.",
)
@click.option(
    "--peers",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PYTHON",
    help="The Python of an environment with SimpleITK, dcm2niix and dicom2nifti. Default: scanmill alone.",
)
@click.option(
    "--write",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Put the table into this page of Markdown, in the place of the one there.",
)
@options.json
@options.progress
def geometry(source: Path | None, peers: Path | None, page: Path | None, as_json: bool, no_progress: bool) -> int:
    """Where each tool puts the slices of series with something wrong, and what it says.

    Each trap is a regular series with one fault: a slice missing, a tilted gantry, a localizer in between.
    Every slice that a tool returns is known by its pixels, and measured against where it truly lies.

    \b
    Exit code 1 where scanmill is wrong or loses a slice without a word.
    """
    import json
    from datetime import UTC, datetime

    from pipeline.bench import geometry as scoreboard
    from pipeline.bench.score import Verdict
    from pipeline.bench.source import bundled, first_slices
    from pipeline.bench.table import put, table
    from pipeline.cli.progress import counting

    slices = bundled() if source is None else first_slices(source)
    with counting("traps", shown=not no_progress) as advance:
        made = scoreboard.run(slices, peers, advance, quoted=source is None)
    flags = (" --source FOLDER" if source else "") + (" --peers PYTHON" if peers else "")
    result = {
        "benchmark": "geometry",
        "date": datetime.now(UTC).date().isoformat(),
        "source": f"{len(slices)} slices of " + ("a CT series" if source else "pydicom's CT_small"),
        "command": f"scanmill bench geometry{flags}",
        **made,
    }
    if page is not None:
        put(page, table(result))
    click.echo(json.dumps(result, indent=1) if as_json else table(result))
    ours = (Verdict(row["scores"][scoreboard.OURS]["verdict"]) for row in made["traps"])
    return 0 if all(verdict.good for verdict in ours) else 1
