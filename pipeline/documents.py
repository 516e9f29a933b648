"""Everything that the folder ``schemas/`` holds, made by the code that knows it."""

from __future__ import annotations

import json

from pipeline import recipe, vendors
from pipeline.archive import vocabulary
from pipeline.report import dictionary, steps


def documents() -> dict[str, str]:
    """Path under ``schemas/`` -> text."""
    written = {"recipe.json": recipe.json_schema(), "profile.json": vendors.json_schema()}
    by_hand = {name: json.dumps(schema, indent=1) + "\n" for name, schema in written.items()}
    return dictionary.documents() | vocabulary.documents() | by_hand | {"steps.md": steps.document()}
