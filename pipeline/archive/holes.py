"""Files that lost their header, and with it their series: of which series they are the holes.

A stack of which every second file was cut inside its header is a regular stack, of twice the spacing.
"""

from __future__ import annotations

import os
import re
from itertools import groupby

from pipeline.archive.index import File, Index
from pipeline.reasons import MEANINGS, Outcome, Reason

_SUFFIX = re.compile(rb"\.[^.]*[A-Za-z][^.]*$")
"""What follows the last dot, if it holds a letter: a file that is named by a UID has none."""


def holes(index: Index) -> dict[str | bytes, list[File]]:
    """Series key (that of ``Index.series``) -> broken or empty files that must have been a part of it.

    Such a file counts where all DICOM files of its folder belong to one series and one of them has its
    suffix.  A hidden file, as tools leave behind, never does.
    """
    found: dict[str | bytes, list[File]] = {}
    for folder, strays in groupby(index.strays(), key=lambda f: f.folder):
        lost = [f for f in strays if _is_lost(f)]
        members = index.dicom_in(folder) if lost else []
        if len({series for series, _ in members}) == 1:
            suffixes = {_suffix(path) for _, path in members}
            holed = [f for f in lost if _suffix(f.path) in suffixes]
            if holed:
                found.setdefault(members[0][0] or folder, []).extend(holed)
    return found


def _is_lost(file: File) -> bool:
    if file.reason is None or os.path.basename(file.path).startswith(b"."):
        return False
    return file.reason is Reason.EMPTY_FILE or MEANINGS[file.reason].outcome is Outcome.QUARANTINED


def _suffix(path: bytes) -> bytes:
    found = _SUFFIX.search(os.path.basename(path))
    return found.group().lower() if found else b""
