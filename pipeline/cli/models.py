"""``scanmill models``: which networks there are, what they say of themselves, whether their weights are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli import options

if TYPE_CHECKING:
    from pipeline.models.library import Model

EXIT_WRONG, EXIT_MISSING = 2, 4


@click.group()
def models() -> None:
    """List networks, show what one says of itself, verify weights, import those of others.

    Some come with the program; your own lie in the folders that SCANMILL_MODELS names.
    """


@models.command("list")
@options.json
def list_(as_json: bool) -> None:
    """List all models: for which volumes, what they find, their licence, whether their weights are there."""
    from pipeline.cli.card import printable
    from pipeline.models import library

    rows = []
    for name in library.names():
        found, state, sentence = _standing(name)
        row: dict[str, Any] = {"name": name, "state": state, "error": sentence}
        if found is not None:
            said = found.descriptor
            row |= {"packaged": found.packaged, "summary": said.summary, "modalities": said.modalities}
            row |= {"structures": [structure.name for structure in said.structures], "licence": said.licence}
        rows.append(row)
    if as_json:
        click.echo(json.dumps({"models": rows}))
        return
    for row in rows:
        head = f"{row['name']:<16} "
        if "packaged" in row:
            where = "packaged" if row["packaged"] else "your own"
            head += f"{', '.join(row['modalities'])}: {_few(row['structures'])}; {row['licence']}; {where}; "
        click.echo(printable(head + (row["error"] or "weights at hand")))


@models.command()
@click.argument("name")
@options.json
def show(name: str, as_json: bool) -> None:
    """Show the card of the model NAME: what it was trained on, its limits and figures, how it looks at a volume."""
    from pipeline.cli.card import lines
    from pipeline.models import library
    from pipeline.models.descriptor import Descriptor
    from pipeline.yaml_text import adapter

    found = library.find(name)
    if as_json:
        card = adapter(Descriptor).dump_python(found.descriptor, mode="json")
        click.echo(json.dumps(card | {"sha256": found.sha256, "packaged": found.packaged}))
    else:
        click.echo("\n".join(lines(found)))


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.json
def verify(names: tuple[str, ...], as_json: bool) -> int:
    """Verify by SHA-256 that the weights of the models NAME are the ones that they name; without NAME, of all.

    Exit code 2 where one is another or no model, 4 where one is missing.
    """
    from pipeline.models import library

    rows = [(name, *_standing(name, hashed=True)[1:]) for name in names or library.names()]
    if as_json:
        click.echo(json.dumps({"models": [{"name": n, "state": state, "error": said} for n, state, said in rows]}))
    else:
        click.echo("\n".join(f"{name}: {said or state}" for name, state, said in rows))
    states = {state for _, state, _ in rows}
    return EXIT_WRONG if "wrong" in states else EXIT_MISSING if "missing" in states else 0


@models.command("import")
@click.argument("kind", type=click.Choice(["nnunet"]))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where the model's folder is made."
)
@click.option("--name", help="Of the model. Default: that of the data set.")
@click.option(
    "--configuration", default="3d_fullres", show_default=True, help="3d_fullres, 2d, or a name in plans.json."
)
@click.option("--fold", default="0", show_default=True, metavar="N|all", help="One network, no ensemble.")
@click.option("--checkpoint", default="checkpoint_final.pth", show_default=True, help="A file of the fold's folder.")
@click.option(
    "--modality", help="Of the volumes that it may see, such as MR. Default: CT where the channel is called so."
)
@click.option("--orientation", metavar="LPS", help="In which its training images were stored: where i, j and k rise.")
@click.option("--licence", help="Of the weights. Default: what dataset.json says.")
def import_(
    kind: str, folder: Path, to: Path, configuration: str, fold: str, checkpoint: str, **said: str | None
) -> None:
    """Import a network of nnU-Net v2: FOLDER holds plans.json, dataset.json and fold_0.

    Nothing in FOLDER is run; a checkpoint that asks for it is refused.
    """
    from pipeline.models import device

    device.installed()
    from pipeline.models.folder import write
    from pipeline.models.nnunet import imported

    descriptor, arrays = imported(folder, configuration, fold, checkpoint, **said)
    made = write(descriptor, arrays, to / descriptor.name)
    click.echo(f"{made.name}: written to {to / made.name}; known where SCANMILL_MODELS names {to}")


def _standing(name: str, hashed: bool = False) -> tuple[Model | None, str, str | None]:
    """``(model, state, sentence)``: ``wrong`` or ``missing``, and why; else ``there``, or ``whole`` if hashed."""
    from pipeline.errors import ModelError
    from pipeline.models import library

    found, state = None, "wrong"
    try:
        found = library.find(name)
        state = "missing"
        library.files(found)
        state = "wrong"
        if hashed:
            library.verify(found)
    except ModelError as error:
        return found, state, str(error)
    return found, "whole" if hashed else "there", None


def _few(names: list[str], most: int = 4) -> str:
    """``lung left, lung right``, or the first few of them and how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
