"""Every file under a source, in one order, none of them opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.reasons import Reason


@dataclass(frozen=True)
class Found:
    """One thing in the archive; ``reason`` is set where it is not to be opened.

    ``path`` is text that ``os.fsencode`` turns back into the bytes on disk, whatever they are; or a URL.
    ``location`` is the text of its ``Place`` where that is not its path.
    """

    path: str
    size: int
    mtime_ns: int
    reason: Reason | None = None
    location: str = ""


def files(source: str | Path) -> Iterator[Found]:
    """All files under ``source``, or ``source`` itself, sorted by the bytes of their names.

    Symbolic links below the source are rows of their own (SYMLINK) and never followed; pipes, sockets
    and devices are SPECIAL_FILE; a folder or file that may not be looked at is a row as well, so that
    nothing is missing from the account (law L1).

    Raises SourceError where the source does not exist or cannot be looked at.
    """
    try:
        root = os.path.realpath(os.fsencode(source), strict=True)
        status = os.stat(root)
    except OSError:
        raise SourceError("a source does not exist or may not be read") from None
    stack = [(root, status.st_mode)]
    while stack:
        path, mode = stack.pop()
        if not stat.S_ISDIR(mode):
            yield _found(path)
            continue
        try:
            with os.scandir(path) as entries:
                inside = sorted((entry.path, _mode(entry)) for entry in entries)
        except OSError as error:
            yield Found(os.fsdecode(path), 0, 0, refusal(error))
            continue
        stack.extend(reversed(inside))


def _mode(entry: os.DirEntry[bytes]) -> int:
    # The type is in the directory itself: a tree of a million files is sorted without a million stats.
    return stat.S_IFDIR if entry.is_dir(follow_symlinks=False) else 0


def _found(path: bytes) -> Found:
    name = os.fsdecode(path)
    try:
        status = os.lstat(path)
    except OSError as error:
        return Found(name, 0, 0, refusal(error))
    if stat.S_ISLNK(status.st_mode):
        reason: Reason | None = Reason.SYMLINK
    elif not stat.S_ISREG(status.st_mode):
        reason = Reason.SPECIAL_FILE
    else:
        reason = None if status.st_size else Reason.EMPTY_FILE
    return Found(name, status.st_size, status.st_mtime_ns, reason)


def refusal(error: OSError) -> Reason:
    """Why something in a source cannot be looked at."""
    return Reason.PERMISSION if isinstance(error, PermissionError) else Reason.UNREADABLE_IO
