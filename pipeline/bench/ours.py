"""What this program makes of a folder: a whole ``scanmill run raw``, judged by what it leaves in OUT."""

from __future__ import annotations

from pathlib import Path

from pipeline import recipe
from pipeline.bench.score import Answer, Made, Said
from pipeline.engine import driver
from pipeline.engine.workspace import Workspace, read_catalog
from pipeline.errors import SourceError
from pipeline.store import omezarr


def convert(folder: Path, scratch: Path) -> Answer:
    """Run the recipe ``raw`` over ``folder``; OUT and the vault lie in ``scratch``.

    The words are all reason codes in OUT's catalog.
    """
    workspace = Workspace.open(scratch / "out", scratch / "vault", [folder])
    try:
        workspace.scan([folder])
    except SourceError:
        return Answer(said=Said.EXIT_CODE, words="no image that can be read")
    raw = recipe.load("raw")
    driver.run(workspace, raw, recipe.source_text("raw"), driver.Options(workers=0), lambda done, of: None)
    paths = [record["path"] for record in workspace.ledger.records() if record["type"] == "raw"]
    volumes = [omezarr.read(workspace.output.root / path) for path in paths]
    made = tuple(Made(volume.array, volume.grid.affine) for volume in volumes)
    catalog = read_catalog(workspace.output)
    codes = {code for row in catalog.series.to_pylist() for code in row["reasons"]}
    codes |= {row["reason"] for row in catalog.files.to_pylist() if row["reason"]}
    return Answer(made, Said.REASON if codes else Said.NOTHING, ", ".join(sorted(codes)))
