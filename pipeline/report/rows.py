"""Records, catalog and runs to the tables of the report: pure, and blind to the order they come in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

import pyarrow as pa

from pipeline.archive.catalog import Catalog
from pipeline.reasons import Outcome
from pipeline.report.standing import Ending, Record, Standing, ending
from pipeline.report.tables import RUNS, STRUCTURE_QA, TABLES, VOLUME_QA, VOLUMES, key

Row = dict[str, Any]


def build(records: Iterable[Record], catalog: Catalog, runs: Iterable[Mapping[str, Any]] = ()) -> dict[str, pa.Table]:
    """The tables of the report, by name, rows in the order of their keys.

    ``runs`` are the contents of the run.json files, times in ISO 8601 with
    their offset.

    Raises
    ------
    ValueError
        If a record holds a column that its table has not, if a key comes twice, or as ``Standing.of``.
    KeyError
        If the catalog lacks a column.
    """
    standing = Standing.of(records)
    stacks = catalog.stacks.select(["series_id", "volume_id", "verdict"]).to_pylist()
    current = {row["volume_id"] for row in stacks}
    rows: dict[str, Iterable[Row]] = {
        "series": _series(catalog.series.to_pylist(), stacks, standing),
        "volumes": (_volume(*item, standing, current) for item in (*standing.made.items(), *standing.refused.items())),
        "volume_qa": _volume_qa(standing),
        "structure_qa": _structure_qa(standing),
        "costs": _costs(standing),
        "runs": map(_run, runs),
    }
    return {name: _table(rows[name], schema) for name, schema in TABLES.items()}


def _table(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    keys = key(schema)
    found: dict[tuple[str, ...], Row] = {}
    for row in rows:
        if found.setdefault(tuple(row[k] for k in keys), row) is not row:
            raise ValueError(f"two rows with one {', '.join(keys)}")
    clean = [{name: _finite(row.get(name)) for name in schema.names} for _, row in sorted(found.items())]
    return pa.Table.from_pylist(clean, schema=schema)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def _known(row: Mapping[str, Any], schema: pa.Schema) -> Mapping[str, Any]:
    """The same row; a column that would be dropped in silence is an error."""
    unknown = sorted(set(row) - set(schema.names))
    if unknown:
        raise ValueError(f"columns that the table does not have: {', '.join(unknown)}")
    return row


def _axes(name: str, values: Iterable[float] | None) -> Row:
    return {name.format(axis): value for axis, value in zip("kji", values or (None,) * 3, strict=True)}


def _ended(end: Ending) -> Row:
    return {"outcome": end.outcome, "reason": next(iter(end.reasons), None), "reasons": list(end.reasons)}


def _series(catalog: Iterable[Row], stacks: Iterable[Row], standing: Standing) -> Iterator[Row]:
    endings = standing.endings()
    ends: dict[str, list[Ending | None]] = {}
    refused = set()
    for row in stacks:
        if row["volume_id"] is not None:
            ends.setdefault(row["series_id"], []).append(endings.get(row["volume_id"]))
        elif row["verdict"] == "quarantined":
            refused.add(row["series_id"])
    wanted = [name for name in TABLES["series"].names if name != "outcome"]
    for row in catalog:
        kept = {name: row[name] for name in wanted}
        if row["verdict"] != "accepted":
            yield kept | {"outcome": row["verdict"]}
            continue
        met = ends[row["series_id"]]
        known = [end for end in met if end is not None]
        reasons = list(dict.fromkeys(str(r) for r in (*row["reasons"], *(r for end in known for r in end.reasons))))
        ended = [end.outcome for end in known]
        outcome = "pending" if None in met else _outcome(ended, whole=row["series_id"] not in refused)
        yield kept | {"outcome": outcome, "reason": next(iter(reasons), None), "reasons": reasons}


def _outcome(ended: Sequence[Outcome], *, whole: bool) -> str:
    """Of a series with accepted stacks, once the last of them has ended; ``whole``: none was refused by the scan."""
    if set(ended) == {Outcome.CONVERTED}:
        return Outcome.CONVERTED if whole else "partial"
    return "partial" if Outcome.CONVERTED in ended else min(ended)


def _volume(at: tuple[str, str], record: Record, standing: Standing, current: set[str]) -> Row:
    volume, recipe = at
    raw = standing.raw(volume)
    outputs = record.get("outputs") if record["type"] == "derived" else record.get("labels")
    row = {name: record.get(name) for name in VOLUMES.names} | {
        "recipe": recipe,
        "series_id": record.get("series_id") or raw.get("series_id"),
        "superseded": volume not in current,
        "outputs": sorted(outputs or ()),
        **{name: raw.get(name) for name in ("modality", "units")},
    }
    return (
        row
        | _axes("shape_{}", record.get("shape"))
        | _axes("spacing_{}_mm", record.get("spacing_mm"))
        | _ended(ending(record))
    )


def _outputs(standing: Standing, kind: str) -> Iterator[tuple[Row, Record, Record]]:
    """(key columns, output, raw record) of every kept output of a kind."""
    for (volume, recipe), record in standing.made.items():
        for name, output in record.get("outputs", {}).items():
            if output["kind"] == kind:
                yield {"volume_id": volume, "recipe": recipe, "output": name}, output, standing.raw(volume)


def _volume_qa(standing: Standing) -> Iterator[Row]:
    for keys, output, raw in _outputs(standing, "image"):
        yield {
            "geometry_error_mm": raw.get("geometry_error_mm"),
            "lossy_source": raw.get("lossy"),
            **_known(output["qa"], VOLUME_QA),
            **{name: output[name] for name in ("kind", "dtype")},
            **_axes("shape_{}", output["shape"]),
            **_axes("spacing_{}_mm", output["spacing_mm"]),
            **keys,
        }


def _structure_qa(standing: Standing) -> Iterator[Row]:
    for keys, output, _ in _outputs(standing, "labels"):
        for structure in output.get("structures") or ():
            known = _known(structure, STRUCTURE_QA)
            yield {**known, "structure": str(structure["structure"]), **keys}


def _costs(standing: Standing) -> Iterator[Row]:
    for (volume, recipe), record in standing.made.items():
        steps: dict[str, Row] = {}
        for cost in record.get("costs") or ():
            step = steps.setdefault(cost["step"], {"seconds": 0.0, "bytes": 0})
            step["seconds"] += cost["seconds"]
            step["bytes"] += cost.get("bytes") or 0
        for name, sums in steps.items():
            keys = {"volume_id": volume, "recipe": recipe, "step": name}
            yield {**keys, **sums, "peak_rss_bytes": record.get("peak_rss_bytes")}


def _run(run: Mapping[str, Any]) -> Row:
    times = {name: datetime.fromisoformat(run[name]) for name in ("started_at", "ended_at") if run.get(name)}
    return {name: run.get(name) for name in RUNS.names} | times
