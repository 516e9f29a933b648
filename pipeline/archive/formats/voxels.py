"""Stored values of one file, by the way that fits it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.detached import Data
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.opening import Place, known
from pipeline.archive.formats.pixels import by_offset


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

    ``path`` is any place (``opening``).  Parameters and exceptions are those of ``by_offset`` and ``Child.pixels``; a
    file that is not of ``size`` and ``mtime_ns``, where both are given, is CHANGED on either way.
    """
    if header.pixel_offset is not None and Place.parse(path).is_plain:
        return by_offset(path, header, out, parts=parts, size=size, mtime_ns=mtime_ns)
    return child.pixels(path, header, out, parts=parts, version=known(size, mtime_ns), data=data)
