"""Parquet bytes, and files replaced whole or not at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import StoreError
from pipeline.report.publish import publish
from pipeline.report.rows import build
from pipeline.report.tables import TABLES
from pipeline.report.write import parquet
from tests.report.made import archive, catalog, name

NAMES = [*(f"{title}.parquet" for title in TABLES), "index.html"]


def test_a_second_publish_changes_nothing(tmp_path: Path) -> None:
    facts = archive()
    assert publish(tmp_path / "report", **facts) == NAMES
    before = {p.name: (p.stat().st_mtime_ns, p.stat().st_ino) for p in (tmp_path / "report").iterdir()}
    assert publish(tmp_path / "report", **facts) == []
    assert {p.name: (p.stat().st_mtime_ns, p.stat().st_ino) for p in (tmp_path / "report").iterdir()} == before
    assert sorted(before) == sorted(NAMES)


def test_law_l4_same_bytes_for_records_in_any_order(tmp_path: Path) -> None:
    facts = archive()
    publish(tmp_path / "a", **facts)
    rows = facts["catalog"].series.to_pylist()[::-1]
    turned = replace(catalog(*rows), files=facts["catalog"].files)
    facts |= {"records": iter(facts["records"][::-1]), "catalog": turned}
    publish(tmp_path / "b", **facts)
    for file in NAMES:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_only_costs_and_page_know_what_was_measured(tmp_path: Path) -> None:
    facts = archive()
    publish(tmp_path, **facts)
    for record in facts["records"]:
        for cost in record.get("costs", ()):
            cost["seconds"] *= 2
    assert publish(tmp_path, **facts) == ["costs.parquet", "index.html"]


def test_how_a_table_is_chunked_does_not_show() -> None:
    # Long enough for Parquet's pages to depend on where chunks end.
    table = pa.table({"volume_id": [name(n) for n in range(200_000)]})
    parts = pa.concat_tables([table.slice(0, 28_571), table.slice(28_571)])
    assert parquet(parts) == parquet(table)


def test_parquet_keeps_units_descriptions_and_version() -> None:
    for title, table in build([], archive()["catalog"]).items():
        read = pq.read_schema(pa.BufferReader(parquet(table)))
        assert read.equals(TABLES[title], check_metadata=True)


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".volumes.parquet.4711.part").write_bytes(b"half")
    publish(tmp_path, **archive())
    assert sorted(os.listdir(tmp_path)) == sorted(NAMES)


def test_a_place_that_cannot_be_written_stops_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "report").write_bytes(b"a file, not a folder")
    with pytest.raises(StoreError, match=r"^OUT cannot be written"):
        publish(tmp_path / "report", **archive())
