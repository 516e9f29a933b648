"""A header and the file beside it that holds its voxels: two files found, one image.

The header's word for the other file is looked up among the files that this scan met in the same folder; nothing else
can come of it (law L8).  What was met as an image of its own, a link or a pipe is no data of another.
"""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256

from pipeline.archive.formats.detached import sibling
from pipeline.archive.formats.header import Detached
from pipeline.archive.index import File, Index
from pipeline.archive.vault import Vault
from pipeline.reasons import MEANINGS, Reason


def paired(file: File, index: Index, vault: Vault) -> File:
    """The same with its data file, and the hash of both as its content; or refused for what is wrong with that file.

    TRUNCATED where there is none or it is too short, PATH_UNSAFE where it must not be read, else why it cannot be.
    A file that holds its own voxels is returned as it is.
    """
    if file.header is None or not file.header.detached:
        return file
    for named in file.header.detached:
        data = index.found(vault.pseudonym("file", _beside(file, named.name)))
        if data is not None:
            return _with(file, named, data, index.voxels(data))
    return _refused(file, Reason.TRUNCATED)


def joined(file: File, data: File) -> File:
    """A header and its data file, under the name by which the one finds the other."""
    assert file.header is not None
    name = os.fsdecode(os.path.basename(data.path).rpartition(b"\0")[2])
    return replace(file, data=data, header=replace(file.header, detached=(Detached(name, 0),)))


def _beside(file: File, name: str) -> bytes:
    return os.fsencode(sibling(os.fsdecode(file.path), name))


def _with(file: File, named: Detached, data: File, digest: str | None) -> File:
    if data.reason in (Reason.SYMLINK, Reason.SPECIAL_FILE) or data.header is not None:
        return _refused(file, Reason.PATH_UNSAFE)
    if data.reason is not None and MEANINGS[data.reason].retry:
        return _refused(file, data.reason)
    both = joined(file, data)
    if data.size < named.least_bytes:
        return _refused(both, Reason.TRUNCATED)
    if digest is None:
        return _refused(both, Reason.CHANGED)
    assert both.header is not None
    content = sha256(f"{both.header.content} {digest}".encode()).hexdigest()
    return replace(both, header=replace(both.header, content=content))


def _refused(file: File, reason: Reason) -> File:
    """What the header itself is refused for comes first."""
    return replace(file, reason=file.reason or reason)
