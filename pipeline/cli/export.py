"""``scanmill export``: what OUT has published, as files that others read, in a folder that the user names."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Literal

import click

from pipeline.cli import options


@click.command()
@click.argument("recipe")
@click.argument("destination", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--to",
    "form",
    type=click.Choice(["dicom-seg", "nifti", "nrrd"]),
    required=True,
    help="dicom-seg: label maps on the slices of their series, for the hospital alone; nifti, nrrd: ids only.",
)
@options.output
@options.vault
@click.option("--output", "names", multiple=True, metavar="NAME", help="Only this output; may be repeated.")
@click.option(
    "--segmentation-type",
    type=click.Choice(["binary", "labelmap"]),
    default="binary",
    show_default=True,
    help="Of DICOM segmentations: a mask a structure, which every reader knows, or one label map.",
)
@click.option("--overwrite", is_flag=True, help="Replace files of the same name and other content.")
@options.selection
@options.json
@options.progress
def export(
    recipe: str,
    destination: Path,
    form: Literal["dicom-seg", "nifti", "nrrd"],
    out: Path,
    vault: Path | None,
    names: tuple[str, ...],
    segmentation_type: Literal["binary", "labelmap"],
    overwrite: bool,
    where: str | None,
    shard: tuple[int, int],
    limit: int | None,
    as_json: bool,
    no_progress: bool,
) -> int:
    """Write what RECIPE has published in OUT to DESTINATION: label maps; as nifti and nrrd, images too.

    Nothing is written elsewhere, and DESTINATION lies outside OUT, the vault and every source.
    """
    from pipeline import recipe as recipes
    from pipeline.archive.vault import Vault, default_path
    from pipeline.cli.progress import counting
    from pipeline.engine import driver
    from pipeline.engine.todo import State
    from pipeline.errors import UsageError
    from pipeline.export.destination import Destination
    from pipeline.export.job import Exported, Job
    from pipeline.export.refusal import Refusal, meaning
    from pipeline.store.layout import Output

    output = Output(out.resolve())
    loaded = recipes.load(recipe, output.fits)
    items = driver.plan(output, loaded, driver.Options(where=where, shard=shard, limit=limit))
    identities = form == "dicom-seg"
    place = vault or default_path()
    held = Vault.for_output(place, output.root) if identities else None
    target = Destination.open(destination, output.root, place, private=identities, overwrite=overwrite)
    if identities:
        click.echo("the destination will hold identities: segmentations bear the headers of their series", err=True)
    ready = [(item.volume_id or "", item.edition or "") for item in items if item.state is State.UP_TO_DATE]
    rows = [
        Exported(item.volume_id or item.series_id, reason=item.why if item.state is State.REFUSED else Refusal.NOT_MADE)
        for item in items
        if item.state is not State.UP_TO_DATE
    ]
    job = Job(output, loaded, form, target, names, segmentation_type, held)
    with counting("volumes", shown=not no_progress) as advance:
        for done, ended in enumerate(job.run(ready), 1):
            rows += ended
            advance(done, len(ready))
    if rows and all(row.reason == Refusal.NO_SUCH_OUTPUT for row in rows):
        known = ", ".join(name for name, _ in loaded.chains) or loaded.name
        raise UsageError(f"there is nothing to export as {form} of that name; {loaded.name!r} keeps: {known}")
    refused = [row for row in rows if row.reason]
    files, written = sum(len(row.files) for row in rows), sum(row.written for row in rows)
    if as_json:
        click.echo(json.dumps({"files": files, "written": written, "rows": [dataclasses.asdict(row) for row in rows]}))
    else:
        click.echo(f"{loaded.name}: {len(items):,} volumes selected; {files:,} files, {written:,} of them written now")
        for row in refused:
            click.echo(f"  {row.volume_id} {row.output or '-'} {row.reason}: {meaning(str(row.reason))} {row.where}")
    return driver.EXIT_REFUSED if refused else driver.EXIT_DONE
