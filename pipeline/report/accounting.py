"""Law L1: files found = converted + quarantined + skipped + duplicates, and what is still to be run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from pipeline.reasons import Outcome, Reason
from pipeline.report.standing import Record, Standing


def settle(files: pa.Table, records: Iterable[Record]) -> pa.Table:
    """The catalog's files with ``outcome`` and ``reason`` by now: of those that a volume is made of, by its records.

    Where no record speaks of the volume the outcome is null: accepted, and not run yet.  A file of several volumes is
    converted with the last of them, and quarantined with the first.  What the scan refused belongs to no volume and
    stays as it is, so settling again is no change.
    """
    endings = Standing.of(records).endings()
    columns = (files.column(name).to_pylist() for name in ("volume_ids", "outcome", "reason"))
    settled = []
    for volumes, outcome, reason in zip(*columns, strict=True):
        if volumes:
            ends = [endings.get(volume) for volume in volumes]
            bad = next((end for end in ends if end is not None and end.reasons), None)
            end = bad or (None if None in ends else ends[0])
            outcome, reason = (None, None) if end is None else (end.outcome, next(iter(end.reasons), None))
        settled.append((outcome, reason))
    for at, name in enumerate(("outcome", "reason")):
        index = files.schema.get_field_index(name)
        column = pa.array([row[at] for row in settled], files.schema.field(index).type)
        files = files.set_column(index, files.schema.field(index), column)
    return files


@dataclass(frozen=True)
class Accounting:
    """How many files ended how.

    Raises
    ------
    ValueError
        If the parts do not add up to ``found``.

    Examples
    --------
    >>> Accounting(found=2113, converted=1800, quarantined=12, skipped=300, duplicate=1).line()
    '2,113 files found = 1,800 converted + 12 quarantined + 300 skipped + 1 duplicate'
    """

    found: int = 0
    converted: int = 0
    quarantined: int = 0
    skipped: int = 0
    duplicate: int = 0
    pending: int = 0
    reasons: dict[Reason, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.found != sum(self.parts().values()):
            raise ValueError(f"the account does not add up: {self.line()}")

    @classmethod
    def of(cls, files: pa.Table) -> Accounting:
        """Count settled files.  Raises ValueError for an outcome or a reason that is not of the lists."""
        rows = list(zip(files.column("outcome").to_pylist(), files.column("reason").to_pylist(), strict=True))
        outcomes = Counter("pending" if outcome is None else Outcome(outcome).value for outcome, _ in rows)
        reasons = Counter(Reason(reason) for _, reason in rows if reason is not None)
        return cls(files.num_rows, **outcomes, reasons={r: reasons[r] for r in Reason if reasons[r]})

    def parts(self) -> dict[str, int]:
        """Files by how they ended, ``pending`` last."""
        return {o.value: getattr(self, o.value) for o in Outcome} | {"pending": self.pending}

    def line(self) -> str:
        """The identity in words and numbers; ``pending`` only where it is not zero."""
        parts = [f"{n:,} {name}" for name, n in self.parts().items() if n or name != "pending"]
        return f"{self.found:,} files found = {' + '.join(parts)}"
