"""DICOMDIRs among the files met: do the files that they name exist?"""

from __future__ import annotations

import os

from pipeline.archive.formats.child import Child
from pipeline.archive.index import Index
from pipeline.errors import Quarantine


def missing(index: Index, child: Child) -> int:
    """How many files the DICOMDIRs met name that were not met below their folders.

    A name is compared and never followed (law L8).  It counts as met in whatever letter case, with or without the
    version and the dot that ISO 9660 7.5 adds, since file systems differ in how they show a disc.  A DICOMDIR that
    cannot be read names nothing.
    """
    total = 0
    for directory in index.directories():
        try:
            named = {
                _plain(name.encode()) for name in child.named(directory.place, (directory.size, directory.mtime_ns))
            }
        except Quarantine:
            continue
        start = len(directory.folder) + 1
        named.difference_update(_plain(path[start:]) for path in index.met_below(directory.folder))
        total += len(named)
    return total


def _plain(name: bytes) -> bytes:
    folder, base = os.path.split(name)
    return os.path.join(folder, base.split(b";")[0].rstrip(b".")).lower()
