"""Zips and tars among the files met: what they hold is counted in their place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.containers import Member
from pipeline.archive.formats.opening import Place, version
from pipeline.archive.index import File, Index
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def unfold(index: Index, vault: Vault, child: Child) -> None:
    """Replace every container met by its members; one that cannot be listed stays, as a file with its reason.

    A container that is listed already, of the same size and time, is not opened again.
    """
    for container in index.containers():
        with index.transaction():
            members = index.members(container)
            first = next(members, None)
            if first is None:
                try:
                    listed = _files(container, vault, child)
                    index.add_members(container, listed)
                except Quarantine as refused:
                    index.add_facts([replace(container, container=None, reason=refused.reason)])
                    continue
                members = index.members(container)
                first = next(members)
            index.add_found(_chain(first, members))
            index.leave_out(container)


def _files(container: File, vault: Vault, child: Child) -> Iterator[File]:
    """Raises Quarantine: NOT_AN_IMAGE for a container of nothing, else what listing it came to."""
    assert container.container is not None
    known = container.size, container.mtime_ns
    members = child.members(container.place, container.container, known)
    if not members:
        raise Quarantine(Reason.NOT_AN_IMAGE)
    path = Place.parse(container.place).path
    return (_file(container, path, n, member, vault) for n, member in enumerate(members))


def _file(container: File, path: str, n: int, member: Member, vault: Vault) -> File:
    name = member.name.encode("utf-8", "surrogateescape")
    if member.reason is Reason.ARCHIVE_UNSAFE:
        # Two of one name are two files.
        name = b"%s\0%d" % (name, n)
    named = container.path + b"\0/" + name
    size, mtime_ns = version((container.size, container.mtime_ns), member.span)
    return File(
        file_id=vault.pseudonym("file", named),
        path=named,
        size=size if member.span else member.size,
        mtime_ns=mtime_ns,
        folder=os.path.dirname(named),
        location=os.fsencode(str(Place(path, member.span))) if member.span else b"",
        reason=member.reason,
    )


def _chain(first: File, rest: Iterable[File]) -> Iterator[File]:
    yield first
    yield from rest
