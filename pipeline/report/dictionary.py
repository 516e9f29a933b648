"""Schemas and closed lists as documents: what the folder ``schemas/`` holds, and its test compares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from pipeline.archive.catalog import FILES, SERIES
from pipeline.reasons import MEANINGS
from pipeline.report.tables import TABLES

CATALOG = {"catalog_files": FILES, "catalog_series": SERIES}
"""The tables of the catalog, by the name of their document."""

Described = dict[str, Any]


def documents() -> dict[str, str]:
    """Path under ``schemas/`` -> text: the tables of report and catalog, and the reasons.

    >>> sorted(documents())[:2]
    ['data_dictionary.md', 'reasons.json']
    """
    tables = [table(name, schema) for name, schema in (TABLES | CATALOG).items()]
    found = {f"tables/{described['table']}.json": _json(described) for described in tables}
    return found | {"reasons.json": _json({"reasons": reasons()}), "data_dictionary.md": _markdown(tables)}


def table(name: str, schema: pa.Schema) -> Described:
    """A table's description, key, version and fields."""
    notes = _notes(schema.metadata)
    return {
        "table": name,
        "description": notes.get("description", ""),
        "schema_version": notes["schema_version"],
        "primary_key": [k for k in notes.get("primary_key", "").split(",") if k],
        "fields": [_field(field) for field in schema],
    }


def reasons() -> list[Described]:
    """Every reason code: how the file ends, what it means, whether another run may end otherwise."""
    return [
        {"code": code.value, "outcome": m.outcome.value, "meaning": m.text, "retry": m.retry}
        for code, m in MEANINGS.items()
    ]


def _field(field: pa.Field) -> Described:
    notes = _notes(field.metadata)
    return {
        "name": field.name,
        "type": str(field.type),
        "unit": notes.get("unit") or None,
        "nullable": field.nullable,
        "description": notes["description"],
    }


def _notes(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    return {k.decode(): v.decode() for k, v in (metadata or {}).items()}


def _json(value: Described) -> str:
    return json.dumps(value, indent=2) + "\n"


def _markdown(tables: Iterable[Described]) -> str:
    lines = ["# Data dictionary", "", "Generated from the code.  Null means unknown or undefined.", ""]
    for t in tables:
        lines += [f"## {t['table']}", "", t["description"], ""] if t["description"] else [f"## {t['table']}", ""]
        lines += [
            f"Schema version {t['schema_version']}; key: {', '.join(t['primary_key']) or 'the first column'}.",
            "",
        ]
        lines += [_line("column", "type", "unit", "meaning"), "|---" * 4 + "|"]
        lines += [_line(f"`{f['name']}`", f["type"], f["unit"] or "", f["description"]) for f in t["fields"]]
        lines += [""]
    lines += ["## Reasons", "", _line("code", "outcome", "meaning", "another run may help"), "|---" * 4 + "|"]
    lines += [_line(f"`{r['code']}`", r["outcome"], r["meaning"], "yes" if r["retry"] else "") for r in reasons()]
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    """A row of a table, its texts such that Markdown takes nothing for a tag or for the end of a cell."""
    safe = (cell.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(safe)} |"
