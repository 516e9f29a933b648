"""Results in words, for stdout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.archive.catalog import Catalog
from pipeline.reasons import MEANINGS, Reason
from pipeline.report.accounting import Accounting


def accounting_lines(found: Accounting) -> list[str]:
    """The identity, then a line a reason."""
    return [found.line(), *reason_lines({str(reason): n for reason, n in found.reasons.items()}, "files")]


def accounting_json(found: Accounting) -> dict[str, Any]:
    """The same for machines."""
    return {"found": found.found, **found.parts(), "reasons": {str(r): n for r, n in found.reasons.items()}}


def reason_lines(reasons: Mapping[str, int], what: str) -> list[str]:
    """``  MISSING_SLICE   19 files   a gap of a whole number of slice distances``, most frequent first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    one = what.removesuffix("s").ljust(len(what))
    return [f"  {code:<24} {n:>7,} {one if n == 1 else what}   {MEANINGS[Reason(code)].text}" for code, n in ordered]


def partial_lines(catalog: Catalog) -> list[str]:
    """What was cut: volumes that are known to be a part only of what was acquired, and why."""
    cut = Counter(r for r, volume in _columns(catalog.stacks, "partial", "volume_id") if r and volume)
    if not cut:
        return []
    return [f"{cut.total():,} volumes are a part only of their series:", *reason_lines(cut, "volumes")]


def _columns(table: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def size(nbytes: float) -> str:
    """``1.5 GB``: decimal units, as disks are sold.

    >>> size(1_500_000_000)
    '1.5 GB'
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if nbytes < 1000 or unit == "TB":
            return f"{nbytes:.3g} {unit}"
        nbytes /= 1000
    raise AssertionError("unreachable")
