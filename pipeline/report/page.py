"""The report as one HTML page: no script, no network, ids only, every text escaped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

import jinja2
import pyarrow as pa

from pipeline import __version__
from pipeline.archive.gate import GEOMETRY_ERROR_MM
from pipeline.reasons import MEANINGS
from pipeline.report.accounting import Accounting
from pipeline.report.dictionary import table as described
from pipeline.report.plot import WIDTH, Strip
from pipeline.report.tables import RAW

ROWS = 500
"""Rows that a table of volumes or series shows; the Parquet holds all."""

WORST = 10
"""Volumes that a worst-first table shows."""

_METRICS = (
    "ssim_local_min",
    "ssim_global",
    "psnr_db",
    "mae",
    "rmse",
    "clip_low_frac",
    "clip_high_frac",
    "fill_frac",
    "geometry_error_mm",
)

Row = dict[str, Any]


class Metric(NamedTuple):
    """One line of the summary of an output."""

    name: str
    unit: str
    meaning: str
    strip: Strip


class Output(NamedTuple):
    """Summary of one kept output over all its volumes."""

    recipe: str
    name: str
    n: int
    metrics: list[Metric]
    worst: list[Row]


class Step(NamedTuple):
    """What a step cost over all volumes: measured, so never the same twice."""

    recipe: str
    name: str
    n: int
    seconds: float
    rate: float | None
    peak: int | None


def render(tables: Mapping[str, pa.Table], account: Accounting) -> str:
    """The page for tables as ``build`` makes them and settled accounts; the same input gives the same text."""
    rows = {name: table.to_pylist() for name, table in tables.items()}
    current = {r["volume_id"] for r in rows["volumes"] if not r["superseded"]}
    volumes, images, structures, costs = (
        [r for r in rows[name] if r["volume_id"] in current]
        for name in ("volumes", "volume_qa", "structure_qa", "costs")
    )
    refused = [r for r in rows["series"] if r["outcome"] in ("quarantined", "skipped", "partial")]
    return _template().render(
        version=__version__,
        width=WIDTH,
        account=account,
        verdict=_verdict(account, volumes),
        reasons=[(code, MEANINGS[code], n) for code, n in sorted(account.reasons.items(), key=lambda r: (-r[1], r[0]))],
        refused=_shown(sorted(refused, key=lambda r: (r["outcome"], r["reason"] or "", r["series_id"]))),
        images=_images(images, tables["volume_qa"].schema),
        structures=_structures(structures, tables["structure_qa"].schema),
        volumes=_shown(sorted(volumes, key=lambda r: r["outcome"] == "converted")),
        superseded=len(rows["volumes"]) - len(volumes),
        steps=_steps(costs),
        runs=rows["runs"][-20:],
        dictionary=[described(name, table.schema) for name, table in tables.items()],
        gate=GEOMETRY_ERROR_MM,
    )


def _verdict(account: Accounting, volumes: Iterable[Row]) -> tuple[str, str]:
    """(state, sentence): the worst that is true."""
    failed = sum(r["outcome"] != "converted" and r["recipe"] != RAW for r in volumes)
    counts = [
        ("quarantined", account.quarantined, "file", "in quarantine"),
        ("quarantined", failed, "volume", "refused by a recipe"),
        ("pending", account.pending, "file", "still to be run"),
    ]
    true = [(state, f"{n:,} {noun}{'s' * (n != 1)} {rest}") for state, n, noun, rest in counts if n]
    if not true:
        return "converted", "Every image found is converted; nothing is in quarantine."
    return true[0][0], f"{', '.join(part for _, part in true)}."


def _shown(rows: Sequence[Row]) -> tuple[Sequence[Row], int]:
    """(what is shown, how many are left out)"""
    return rows[:ROWS], max(0, len(rows) - ROWS)


def _grouped(rows: Iterable[Row], *names: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[n] for n in names)].append(row)
    return sorted(groups.items())


def _metric(rows: Sequence[Row], field: pa.Field, limit: float | None = None, name: str = "") -> Iterable[Metric]:
    strip = Strip.of([r[field.name] for r in rows], limit)
    if strip is not None:
        notes = field.metadata or {}
        yield Metric(name or field.name, notes[b"unit"].decode(), notes[b"description"].decode(), strip)


def _images(rows: Iterable[Row], schema: pa.Schema) -> list[Output]:
    found = []
    for (recipe, name), group in _grouped(rows, "recipe", "output"):
        limits = {"geometry_error_mm": GEOMETRY_ERROR_MM}
        metrics = [m for name_ in _METRICS for m in _metric(group, schema.field(name_), limits.get(name_))]
        ranked = [r for r in group if r["ssim_local_min"] is not None]
        worst = sorted(ranked, key=lambda r: (r["ssim_local_min"], r["volume_id"]))[:WORST]
        found.append(Output(recipe, name, len(group), metrics, worst))
    return found


def _titled(structure: str) -> str:
    """A structure by its name or, where only a value is known, as a label."""
    return f"label {structure}" if structure.isdecimal() else structure


def _structures(rows: Iterable[Row], schema: pa.Schema) -> list[Output]:
    found = []
    for (recipe, name), group in _grouped(rows, "recipe", "output"):
        metrics = [
            metric
            for (structure,), own in _grouped(group, "structure")
            for metric in _metric(own, schema.field("volume_ml"), name=f"{_titled(structure)}: volume")
        ]
        found.append(Output(recipe, name, len({r["volume_id"] for r in group}), metrics, []))
    return found


def _steps(rows: Iterable[Row]) -> list[Step]:
    found = []
    for (recipe, name), group in _grouped(rows, "recipe", "step"):
        seconds, bytes_ = (sum(r[c] or 0 for r in group) for c in ("seconds", "bytes"))
        peaks = [r["peak_rss_bytes"] for r in group if r["peak_rss_bytes"]]
        rate = bytes_ / seconds if seconds and bytes_ else None
        found.append(
            Step(recipe, name, len(group), median(r["seconds"] for r in group), rate, max(peaks, default=None))
        )
    return found


def _template() -> jinja2.Template:
    room = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.filters |= {"figure": _figure, "bytes": _bytes}
    return room.get_template("page.html.j2")


def _figure(value: float | None) -> str:
    """Four significant digits, or a dash for null."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e6):
        return f"{int(value):,}"
    if 0.999 < value < 1:
        return f"{value:.6f}"  # an SSIM of 0.99997 is not 1
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def _bytes(value: float | None) -> str:
    """Decimal units."""
    if value is None:
        return "\N{EN DASH}"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"
