"""Small files, put in place whole and only when they would differ."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_PART = ".part"


def sync(path: Path) -> None:
    """Ask the disk to keep a file, or a folder's entries (fsync)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: Path, content: bytes) -> bool:
    """Make ``path`` hold ``content`` in one step: readers see the old bytes or the new, never a part.

    Returns whether anything changed: equal bytes are left alone.
    """
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(_part(path, content), path)
    sync(path.parent)
    return True


def put_if_absent(path: Path, content: bytes) -> bool:
    """Create ``path`` with ``content`` unless it exists; of several writers exactly one gets True.

    A hard link refuses to replace, on local disks and on NFS, where O_EXCL followed by a write would
    show a half-written file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _part(path, content)
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    sync(path.parent)
    return True


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left in a folder; for folders with one writer at a time."""
    for part in folder.glob(f".*{_PART}"):
        part.unlink(missing_ok=True)


def _part(path: Path, content: bytes) -> Path:
    """A synced file beside ``path`` that holds ``content``; hidden, so that no reader takes it for one."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=_PART, dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    return Path(name)
