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
    lines = [
        "# Data dictionary",
        "",
        "Generated from the code.  Null means unknown or undefined.",
        "",
    ]
    for t in tables:
        key = ", ".join(f"`{k}`" for k in t["primary_key"])
        lines += [f"## {t['table']}", "", t["description"], "", f"Schema version {t['schema_version']}."]
        lines += [f"Primary key: {key}."] if key else []
        lines += ["", "| column | type | unit | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{f['name']}` | {f['type']} | {f['unit'] or ''} | {_cell(f['description'])} |" for f in t["fields"]
        ]
        lines += [""]
    lines += ["## Reasons", "", "| code | outcome | meaning | another run may help |", "|---|---|---|---|"]
    lines += [
        f"| `{r['code']}` | {r['outcome']} | {_cell(r['meaning'])} | {'yes' if r['retry'] else ''} |" for r in reasons()
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text that Markdown takes neither for a tag nor for the end of a cell."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
