"""Everything that the folder ``schemas/`` holds, made from the code that knows it."""

from __future__ import annotations

import json

from pipeline import recipe
from pipeline.archive import vocabulary
from pipeline.archive.catalog import FILES, SERIES
from pipeline.report import dictionary


def documents() -> dict[str, str]:
    """Path under ``schemas/`` -> text."""
    return {
        **dictionary.documents({"catalog_files": FILES, "catalog_series": SERIES}),
        **vocabulary.documents(),
        "recipe.json": json.dumps(recipe.json_schema(), indent=1) + "\n",
    }
