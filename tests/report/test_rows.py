"""Records and catalog to tables."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.catalog import STACKS, Catalog
from pipeline.reasons import Reason
from pipeline.report.rows import build
from pipeline.report.tables import TABLES, key
from tests.report.made import archive, catalog, derived, name, raw, refused, run, series

FACTS = archive()


def _build(records: list[dict[str, Any]], *rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {name: table.to_pylist() for name, table in build(records, catalog(*rows)).items()}


def test_every_table_has_its_whole_schema_even_without_rows() -> None:
    tables = build([], catalog())
    assert list(tables) == list(TABLES)
    for name_, table in tables.items():
        assert table.schema.equals(TABLES[name_], check_metadata=True)
        assert table.num_rows == 0


SERIES = FACTS["catalog"].series.to_pylist()


@given(st.permutations(FACTS["records"]), st.permutations(SERIES), st.permutations([1, 2, 3]))
def test_order_of_what_comes_in_does_not_show(records: list[Any], rows: list[Any], runs: list[int]) -> None:
    made = build(records + records[:3], catalog(*rows), map(run, runs))
    assert made == build(FACTS["records"], catalog(*SERIES), map(run, [1, 2, 3]))


def test_rows_come_in_the_order_of_their_keys() -> None:
    for name_, table in build(**FACTS).items():
        keys = [tuple(row[k] for k in key(TABLES[name_])) for row in table.to_pylist()]
        assert keys
        assert keys == sorted(set(keys))


def test_a_raw_and_a_derived_volume() -> None:
    tables = _build([raw(1), derived(1)], series(1))
    made, source = tables["volumes"]
    assert (source["recipe"], source["outcome"], source["outputs"]) == ("raw", "converted", ["mask"])
    assert [source[f"shape_{a}"] for a in "kji"] == [20, 64, 48]
    assert [source[f"spacing_{a}_mm"] for a in "kji"] == [2.5, 0.75, 0.75]
    assert (made["recipe"], made["modality"], made["series_id"]) == ("ct-body", "CT", "s1")
    assert made["outputs"] == ["body", "ct"]
    assert made["raw_sha256"] == source["sha256"]
    (image,) = tables["volume_qa"]
    assert (image["output"], image["dtype"], image["spacing_k_mm"], image["shape_k"]) == ("ct", "int16", 1.0, 50)
    assert image["geometry_error_mm"] == raw(1)["geometry_error_mm"]
    assert image["lossy_source"] is False
    (body,) = tables["structure_qa"]
    assert (body["output"], body["structure"], body["n_voxels"]) == ("body", "1", 40_001)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_null_stands_for_what_is_not_finite(value: float) -> None:
    record = derived(1)
    record["outputs"]["ct"]["qa"] |= {"psnr_db": value}
    column = build([raw(1, padding=value), record], catalog(series(1)))
    assert column["volume_qa"].column("psnr_db").null_count == 1
    assert column["volumes"].column("padding").null_count == 2


def test_metrics_are_float32_and_geometry_is_float64() -> None:
    schema = TABLES["volume_qa"]
    assert {schema.field(n).type for n in ("ssim_global", "mae", "p99_5")} == {pa.float32()}
    assert {schema.field(n).type for n in ("spacing_k_mm", "geometry_error_mm")} == {pa.float64()}


@pytest.mark.parametrize("table", ["qa", "structures"])
def test_a_column_that_nobody_defined_is_an_error_not_a_loss(table: str) -> None:
    record = derived(1)
    if table == "qa":
        record["outputs"]["ct"]["qa"]["sharpness"] = 1.0
    else:
        record["outputs"]["body"]["structures"][0]["sharpness"] = 1.0
    with pytest.raises(ValueError, match="does not have: sharpness"):
        build([record], catalog())


def test_law_l2_once() -> None:
    assert build([raw(1), raw(1)], catalog())["volumes"].num_rows == 1
    with pytest.raises(ValueError, match="two different current records"):
        build([derived(1), derived(1, fingerprint="e" * 64)], catalog())
    with pytest.raises(ValueError, match="two rows with one series_id"):
        build([], catalog(series(1), series(1)))


def test_what_was_made_stands_whatever_an_earlier_try_said() -> None:
    tables = _build([refused(1, Reason.DECODER_TIMEOUT), raw(1)], series(1))
    assert [(r["recipe"], r["outcome"]) for r in tables["volumes"]] == [("raw", "converted")]
    assert tables["series"][0]["outcome"] == "converted"


def test_a_recipe_that_refuses_leaves_the_raw_volume_converted() -> None:
    tables = _build([raw(1), refused(1, Reason.TOO_LARGE, "ct-body")], series(1))
    assert [(r["recipe"], r["outcome"], r["reason"]) for r in tables["volumes"]] == [
        ("ct-body", "quarantined", "TOO_LARGE"),
        ("raw", "converted", None),
    ]
    assert (tables["series"][0]["outcome"], tables["series"][0]["reason"]) == ("converted", None)


def test_series_end_as_the_scan_or_the_run_says() -> None:
    tables = _build([refused(2, Reason.CHANGED)], series(1), series(2), series(3, Reason.MISSING_SLICE))
    ended = {r["series_id"]: (r["verdict"], r["outcome"], r["reasons"]) for r in tables["series"]}
    assert ended == {
        "s1": ("accepted", "pending", []),
        "s2": ("accepted", "quarantined", ["CHANGED"]),
        "s3": ("quarantined", "quarantined", ["MISSING_SLICE"]),
    }


def _stacked(*refusals: Reason | None) -> Catalog:
    stacks = [series(n, why) | {"series_id": "s1"} for n, why in enumerate(refusals, 1)]
    row = series(1) | {"n_stacks": len(stacks), "n_volumes": refusals.count(None)}
    row["reasons"] = [why.value for why in refusals if why]
    return catalog(row, stacks=[{k: v for k, v in s.items() if k in STACKS.names} for s in stacks])


@pytest.mark.parametrize(
    ("refusals", "records", "outcome", "reasons"),
    [
        ((None, None), [raw(1)], "pending", []),
        ((None, None), [raw(1), raw(2)], "converted", []),
        ((None, Reason.MISSING_SLICE), [raw(1)], "partial", ["MISSING_SLICE"]),
        ((None, Reason.LOCALIZER), [raw(1)], "converted", ["LOCALIZER"]),
        ((None, None), [raw(1), refused(2, Reason.CHANGED)], "partial", ["CHANGED"]),
        (
            (None, None),
            [refused(1, Reason.TRUNCATED), refused(2, Reason.CHANGED)],
            "quarantined",
            ["TRUNCATED", "CHANGED"],
        ),
    ],
)
def test_a_series_of_several_stacks_ends_with_the_last_of_them(
    refusals: tuple[Reason | None, ...], records: list[Any], outcome: str, reasons: list[str]
) -> None:
    (row,) = build(records, _stacked(*refusals))["series"].to_pylist()
    assert (row["outcome"], row["reasons"]) == (outcome, reasons)


def test_a_volume_that_the_catalog_names_no_more_is_superseded() -> None:
    tables = _build([raw(1), derived(1), raw(2)], series(2))
    assert {(r["volume_id"], r["superseded"]) for r in tables["volumes"]} == {(name(1), True), (name(2), False)}


def test_costs_of_one_step_are_summed() -> None:
    (cost,) = _build([raw(1)])["costs"]
    assert (cost["step"], cost["seconds"], cost["bytes"]) == ("read", 0.75, 130_010)
    assert cost["peak_rss_bytes"] == 200_000_000


def test_times_of_a_run_are_utc_and_a_killed_run_has_no_end() -> None:
    table = build([], catalog(), [run(1), run(2) | {"ended_at": None, "exit_code": None}])["runs"]
    whole, killed = table.to_pylist()
    assert whole["started_at"] == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert whole["ended_at"] == datetime(2026, 1, 2, 3, 5, 6, tzinfo=UTC)
    assert killed["ended_at"] is None
    assert killed["exit_code"] is None


def test_a_record_of_another_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="none of the types"):
        build([raw(1) | {"type": "draft"}], catalog())
