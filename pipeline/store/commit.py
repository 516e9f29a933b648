"""Publish a folder: whole or absent.

::

    write into staging -> hash and fsync every file -> rename -> record (by the caller, in the ledger)

A rename is one step, so a published path is complete.  POSIX refuses to rename a folder onto one that is
not empty, so the loser of two writers learns it and discards.  What a crash leaves between rename and
record is complete but unrecorded: the next writer finds it, and takes it over when its bytes are those
it made itself (law L4 says they are), else moves it aside.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from pipeline.store.files import sync


@dataclass(frozen=True)
class Content:
    """What lies in a folder: sha256 over names and bytes of all its files, and their total size."""

    sha256: str
    nbytes: int


def content(folder: Path) -> Content:
    """Hash every file below ``folder``, in the order of their relative names."""
    total, whole = 0, hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            total += file.tell()
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + digest.digest())
    return Content(whole.hexdigest(), total)


def publish(staged: Path, target: Path) -> Content:
    """Move ``staged`` to ``target`` for good, synced; returns what is published there.

    Raises OSError where the disk refuses.
    """
    _sync_tree(staged)
    made = content(staged)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(staged, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if content(target) == made:
            shutil.rmtree(staged)
        else:
            aside = staged.with_name(f"{staged.name}-{uuid.uuid4().hex}")
            os.rename(target, aside)
            os.rename(staged, target)
            shutil.rmtree(aside)
    sync(target.parent)
    return made


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)
