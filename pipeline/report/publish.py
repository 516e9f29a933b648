"""The report as files: tables first, the page last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.archive.catalog import Catalog
from pipeline.report.accounting import Accounting, settle
from pipeline.report.page import render
from pipeline.report.rows import build
from pipeline.report.standing import Record
from pipeline.report.write import parquet
from pipeline.store.faults import store_errors
from pipeline.store.files import replace, sweep


def publish(
    folder: Path,
    *,
    records: Iterable[Record],
    catalog: Catalog,
    runs: Iterable[Mapping[str, Any]] = (),
) -> list[str]:
    """Bring the report in ``folder`` up to date; the names of the files that changed, none on a second call.

    The other arguments and the errors are those of ``build``.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    records = list(records)
    tables = build(records, catalog, runs)
    wanted = {f"{name}.parquet": parquet(table) for name, table in tables.items()}
    wanted["index.html"] = render(tables, Accounting.of(settle(catalog.files, records))).encode()
    with store_errors():
        sweep(folder)
        return [name for name, data in wanted.items() if replace(folder / name, data)]
