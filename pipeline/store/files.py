"""Small files, put in place whole and only when they would differ."""

from __future__ import annotations

import os
import uuid
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
    while not _replaced(_part(path, content), path):
        pass
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
    """Remove what writers that were killed left behind; a living writer whose part is swept writes it again."""
    for part in folder.glob(f".*{_PART}"):
        part.unlink(missing_ok=True)


def _part(path: Path, content: bytes) -> Path:
    """A synced file beside ``path`` that holds ``content``; hidden, so that no reader takes it for one."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_PART}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def _replaced(part: Path, path: Path) -> bool:
    """False where another writer swept ``part`` away before it got its name."""
    try:
        os.replace(part, path)
    except FileNotFoundError:
        return False
    return True
