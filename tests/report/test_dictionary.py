"""What the code says of its tables and codes."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from pipeline.reasons import Reason
from pipeline.report.dictionary import documents, table
from pipeline.report.tables import TABLES

DOCUMENTS = documents()


def test_every_column_is_in_both_forms() -> None:
    for name, schema in TABLES.items():
        described = json.loads(DOCUMENTS[f"tables/{name}.json"])
        assert [f["name"] for f in described["fields"]] == schema.names
        part = DOCUMENTS["data_dictionary.md"].split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert all(f"| `{column}` |" in part for column in schema.names)


def test_every_reason_has_a_meaning() -> None:
    listed = json.loads(DOCUMENTS["reasons.json"])["reasons"]
    assert [r["code"] for r in listed] == [r.value for r in Reason]
    assert all(r["meaning"] and r["outcome"] for r in listed)


def test_a_column_without_a_description_is_an_error() -> None:
    with pytest.raises(KeyError):
        table("x", pa.schema([("a", pa.int8())], metadata={"schema_version": "1"}))


def test_markdown_shows_what_is_written() -> None:
    text = DOCUMENTS["data_dictionary.md"]
    assert "other-&lt;token>" in text
    assert "<" not in text
    assert {line.count("|") - line.count(r"\|") for line in text.splitlines() if line.startswith("|")} == {5}
