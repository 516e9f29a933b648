"""The definition of the tables is complete and fit for what is said of it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.report.tables import TABLES, VERSION, key

COLUMNS = [pytest.param(f, id=f"{name}.{f.name}") for name, schema in TABLES.items() for f in schema]


def _is_number(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_list(kind) else kind
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_says_what_it_is(column: pa.Field) -> None:
    assert column.metadata[b"description"]
    assert bool(column.metadata.get(b"unit")) == _is_number(column.type)
    assert column.name == column.name.lower()


@pytest.mark.parametrize("column", COLUMNS)
def test_a_unit_in_the_name_is_the_unit(column: pa.Field) -> None:
    units = {"mm": b"mm", "ml": b"ml", "db": b"dB", "deg": b"degree", "frac": b"1", "bytes": b"byte"}
    suffix = column.name.rsplit("_", 1)[-1]
    if suffix in units:
        assert column.metadata[b"unit"] == units[suffix]


@pytest.mark.parametrize("schema", TABLES.values(), ids=TABLES)
def test_a_table_says_its_version_and_key(schema: pa.Schema) -> None:
    assert schema.metadata[b"schema_version"] == VERSION.encode()
    assert schema.metadata[b"description"]
    assert key(schema)
    assert {f.name for f in schema if not f.nullable} == set(key(schema))


def test_times_stand_in_runs_alone() -> None:
    timed = {name for name, schema in TABLES.items() for f in schema if pa.types.is_temporal(f.type)}
    assert timed == {"runs"}
