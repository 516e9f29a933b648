"""Everything that the folder ``schemas/`` holds, made by the code that knows it."""

from __future__ import annotations

import json

from pipeline import recipe
from pipeline.archive import vocabulary
from pipeline.report import dictionary, steps


def documents() -> dict[str, str]:
    """Path under ``schemas/`` -> text."""
    recipes = {"recipe.json": json.dumps(recipe.json_schema(), indent=1) + "\n", "steps.md": steps.document()}
    return dictionary.documents() | vocabulary.documents() | recipes
