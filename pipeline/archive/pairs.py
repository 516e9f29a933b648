"""A header and the file beside it that holds its voxels: two files found, one image.

The header's word for the other file is looked up among the files that this scan met in the same folder; nothing else
can come of it (law L8).  What was met as an image of its own, a link or a pipe is no data of another.
"""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256

from pipeline.archive.formats.detached import images_of, sibling
from pipeline.archive.formats.header import Detached, Header
from pipeline.archive.formats.limits import DEFLATE_RATIO
from pipeline.archive.index import File, Index
from pipeline.archive.vault import Vault
from pipeline.reasons import MEANINGS, Reason


def paired(file: File, index: Index, vault: Vault) -> File:
    """The same with its data file, and the hash of both as its content; or refused for what is wrong with that file.

    TRUNCATED where there is none or it is too short, PATH_UNSAFE where it must not be read, else why it cannot be.
    A file that holds its own voxels is returned as it is.
    """
    if file.header is None or file.header.detached is None:
        return file
    for name, least_bytes in _named(file, file.header.detached):
        data = index.found(vault.pseudonym("file", os.fsencode(sibling(os.fsdecode(file.path), name))))
        if data is not None:
            return _with(file, file.header, data, least_bytes, index.voxels(data))
    return _refused(file, Reason.TRUNCATED)


def _named(file: File, stated: Detached) -> list[tuple[str, int]]:
    """What the data file may be called, likeliest first, and its least length."""
    if stated.name:
        return [(stated.name, stated.least_bytes)]
    deflated = -(-stated.least_bytes // DEFLATE_RATIO)
    names = images_of(os.fsdecode(file.path))
    return [(name, deflated if name.endswith(".gz") else stated.least_bytes) for name in names]


def _with(file: File, header: Header, data: File, least_bytes: int, digest: str | None) -> File:
    if data.reason in (Reason.SYMLINK, Reason.SPECIAL_FILE) or data.header is not None:
        return _refused(file, Reason.PATH_UNSAFE)
    if data.reason is not None and MEANINGS[data.reason].retry:
        return _refused(file, data.reason)
    both = replace(file, data=data)
    if data.size < least_bytes:
        return _refused(both, Reason.TRUNCATED)
    if digest is None:
        return _refused(both, Reason.CHANGED)
    content = sha256(f"{header.content} {digest}".encode()).hexdigest()
    return replace(both, header=replace(header, content=content))


def _refused(file: File, reason: Reason) -> File:
    """What the header itself is refused for comes first."""
    return replace(file, reason=file.reason or reason)
