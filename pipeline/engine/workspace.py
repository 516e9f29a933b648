"""OUT and its vault, opened together; the catalog and the report in it, brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.scan import DEFAULT_LABELS, Catalog, scan
from pipeline.archive.sources import Source
from pipeline.archive.stacks import Irregular
from pipeline.archive.vault import Vault
from pipeline.engine.runlog import runs
from pipeline.errors import SourceError, UsageError
from pipeline.report.accounting import Accounting, settle
from pipeline.report.publish import publish
from pipeline.report.write import parquet
from pipeline.store.faults import store_errors
from pipeline.store.files import replace, sweep
from pipeline.store.layout import Output
from pipeline.store.ledger import Ledger, Record


@dataclass(frozen=True)
class Workspace:
    """An output folder with the vault it belongs to."""

    output: Output
    vault: Vault

    @classmethod
    def open(cls, out: Path, vault: Path, sources: Sequence[Path] = ()) -> Workspace:
        """Raises KeyMismatch where OUT was made with another vault, UsageError where any two of them overlap."""
        output = Output(out.resolve())
        for source in (s.resolve() for s in sources):
            if output.root.is_relative_to(source) or source.is_relative_to(output.root):
                raise UsageError("the output must lie outside every source, and hold none: it would scan itself")
        held = Vault.for_output(vault, output.root, sources)
        with store_errors():
            replace(output.key_fingerprint, held.fingerprint.encode() + b"\n")
        return cls(output, held)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.output.ledger)

    def scan(
        self,
        sources: Sequence[Source],
        *,
        modality: str | None = None,
        labels: Sequence[str] = DEFAULT_LABELS,
        irregular: Irregular = "split",
        workers: int = 1,
        advance: Callable[[int, int], None] | None = None,
    ) -> int:
        """Scan the sources into the catalog: from then on it holds what they hold.

        Returns how many series the catalog held that these sources do not: of sources that are not named now.

        Raises SourceError where a source is missing or no source holds an image.
        """
        catalog = scan(
            sources,
            self.vault,
            modality=modality,
            labels=labels,
            irregular=irregular,
            workers=workers,
            advance=advance,
        )
        if catalog.series.num_rows == 0:
            raise SourceError("no source holds an image that can be read")
        before = _series_ids(self.output)
        self._write("files", settle(catalog.files, self.ledger.records()))
        self._write("series", catalog.series)
        self._write("stacks", catalog.stacks)
        return len(before - _series_ids(self.output))

    def publish(self) -> tuple[list[str], Accounting]:
        """Bring catalog and report up to date with the ledger.

        Returns the names of the report's files that changed, and how the files found ended by now.
        """
        records, catalog = list(self.ledger.records()), read_catalog(self.output)
        files = settle(catalog.files, records)
        self._write("files", files)
        return _publish(self.output, records, changed(catalog, files=files)), Accounting.of(files)

    def _write(self, name: str, table: pa.Table) -> None:
        path = _table(self.output, name)
        with store_errors():
            sweep(path.parent)
            replace(path, parquet(table))


def read_catalog(output: Output) -> Catalog:
    """The catalog's tables.  Raises SourceError where nothing was scanned, or by an earlier version."""
    try:
        files, series, stacks = (pq.read_table(_table(output, name)) for name in ("files", "series", "stacks"))
    except FileNotFoundError:
        raise SourceError("nothing was scanned into this output yet: name a source, or run `scanmill scan`") from None
    return Catalog(files, series, stacks)


def account(output: Output) -> Accounting:
    """Files found and how they ended by now."""
    files: pa.Table = read_catalog(output).files
    return Accounting.of(settle(files, Ledger(output.ledger).records()))


def publish_report(output: Output) -> list[str]:
    """Write the report anew from records, catalog and runs alone; names of the files that changed."""
    return _publish(output, Ledger(output.ledger).records(), read_catalog(output))


def _publish(output: Output, records: Iterable[Record], catalog: Catalog) -> list[str]:
    return publish(output.report, records=records, catalog=catalog, runs=runs(output.runs))


def _series_ids(output: Output) -> set[str]:
    path = _table(output, "series")
    return {str(name) for name in pq.read_table(path)["series_id"].to_pylist()} if path.exists() else set()


def _table(output: Output, name: str) -> Path:
    return output.catalog / name / "part-0.parquet"
