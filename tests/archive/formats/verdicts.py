"""What a child says of one file."""

from __future__ import annotations

from pathlib import Path

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.reasons import Reason


def accepted(child: Child, path: Path) -> Header:
    (parsed,) = child.headers([path])
    assert parsed.reason is None
    assert parsed.header is not None
    return parsed.header


def refused(child: Child, path: Path) -> Reason | None:
    (parsed,) = child.headers([path])
    return parsed.reason
