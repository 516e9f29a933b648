"""``scanmill schema``: what the program reads and writes, for machines."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name", required=False)
@click.option("--write", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write all into a folder.")
def schema(name: str | None, folder: Path | None) -> None:
    """Print the schema NAME (recipe.json, reasons.json, tables/volumes.json ...); without NAME, list them."""
    from pipeline.documents import documents

    known = documents()
    if folder is not None:
        for path, text in known.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        click.echo(f"{len(known)} documents written")
    elif name is None:
        click.echo("\n".join(sorted(known)))
    else:
        matches = [path for path in known if name in (path, path.rpartition(".")[0])]
        if not matches:
            raise click.BadParameter(f"no schema {name!r}; `scanmill schema` lists them")
        click.echo(known[matches[0]], nl=False)
