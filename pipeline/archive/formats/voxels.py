"""Stored values of one file, by the way that fits it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.detached import Data
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.pixels import by_offset, refusal
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def stored(
    path: str | os.PathLike[str],
    header: Header,
    child: Child,
    out: np.ndarray | None = None,
    *,
    parts: Sequence[int] | None = None,
    size: int | None = None,
    mtime_ns: int | None = None,
    data: Data | None = None,
) -> np.ndarray:
    """Stored values (k, j, i) of one file: ``by_offset`` where that can be, else through the child.

    Parameters and exceptions are those of ``by_offset`` and ``Child.pixels``; a file that is not of
    ``size`` and ``mtime_ns``, where given, is CHANGED on either way.
    """
    if header.pixel_offset is not None:
        return by_offset(path, header, out, parts=parts, size=size, mtime_ns=mtime_ns)
    try:
        status = os.lstat(path)
    except OSError as error:
        raise Quarantine(refusal(error)) from None
    if size not in (None, status.st_size) or mtime_ns not in (None, status.st_mtime_ns):
        raise Quarantine(Reason.CHANGED)
    return child.pixels(path, header, out, parts=parts, data=data)
