"""Which files a zip or tar holds, and where their bytes lie.  Runs in the child process.

Nothing is ever unpacked: a name is a label here, and can point nowhere.  A name that could mislead an unpacker is
refused all the same, as is whatever leaves it unclear what the archive holds.
"""

from __future__ import annotations

import io
import os
import re
import stat
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from struct import unpack_from

from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.opening import Coding, Span
from pipeline.archive.formats.sniff import Container
from pipeline.archive.formats.within import GZIP, Inflating, Window
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_RATIO, _FROM = 1000, 1 << 20
"""More than 1 MiB deflated to less than a thousandth is a bomb: whatever has noise in it is far from that."""

_DRIVE = re.compile("[A-Za-z]:")
_ENCRYPTED, _UTF8 = 0x1, 0x800
"""General purpose bits 0 and 11 of a zip entry: APPNOTE.TXT 6.3.10, 4.4.4."""

_LOCAL_HEADER = 30
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Member:
    """One file in a container: ``span`` says where it lies, or ``reason`` why it is not to be opened.

    ``name`` has "/" between its parts, none of which is empty or "."; an unsafe one is as the archive states it.
    """

    name: str
    size: int
    span: Span | None
    reason: Reason | None = None


def members(file: io.BufferedReader, kind: Container, limits: Limits) -> list[Member]:
    """The files of an open container, folders left out.

    ARCHIVE_UNSAFE are members that are encrypted, packed by anything but deflate, compressed a thousandfold,
    overlapping, sparse, or of an unsafe or repeated name.  Links and devices are SYMLINK and SPECIAL_FILE, as they
    would be on a disk.

    Raises
    ------
    Quarantine
        ARCHIVE_UNSAFE for a container that is cut or damaged, or holds more than ``limits.members``: what is missing
        could be a part of any series in it.
    """
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        if kind is Container.ZIP:
            listed = _of_zip(file, length)
        elif kind is Container.TAR:
            listed = _of_tar(file, "stored", length)
        else:
            inflating = Inflating(Window(file, 0, length, owned=False), GZIP)
            listed = _of_tar(io.BufferedReader(inflating), "gzip", _RATIO * max(length, _FROM // _RATIO))
        found = []
        for member in listed:
            found.append(member)
            if len(found) > limits.members:
                raise Quarantine(Reason.ARCHIVE_UNSAFE)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError):
        raise Quarantine(Reason.ARCHIVE_UNSAFE) from None
    times = Counter(member.name for member in found)
    return [m if times[m.name] == 1 and _is_safe(m.name) else _unsafe(m) for m in found]


def _unsafe(member: Member) -> Member:
    return replace(member, span=None, reason=Reason.ARCHIVE_UNSAFE)


def _is_safe(name: str) -> bool:
    return bool(name) and not (name.startswith("/") or ".." in name.split("/") or "\0" in name or _DRIVE.match(name))


def _normal(name: str) -> str:
    parts = name.split("/")
    return "/".join(part for n, part in enumerate(parts) if part not in ("", ".") or (n == 0 and part == ""))


def _of_zip(file: io.BufferedReader, length: int) -> Iterator[Member]:
    """In the order in which they lie, so that two that overlap are neighbours."""
    with zipfile.ZipFile(file) as archive:
        entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    end = 0
    for entry in entries:
        name = _normal(entry.orig_filename.replace("\\", "/"))
        if entry.filename.endswith("/"):
            continue
        span = _span(file, entry, length)
        member = Member(name, entry.file_size, span)
        mode = entry.external_attr >> 16
        if entry.create_system == 3 and stat.S_ISLNK(mode):
            yield replace(member, span=None, reason=Reason.SYMLINK)
        elif span is None or entry.header_offset < end or _is_bomb(span.size, span.length):
            yield _unsafe(member)
        else:
            yield member if span.size else replace(member, span=None, reason=Reason.EMPTY_FILE)
        end = max(end, entry.header_offset + _LOCAL_HEADER if span is None else span.offset + span.length)


def _span(file: io.BufferedReader, entry: zipfile.ZipInfo, length: int) -> Span | None:
    """Where a member lies; None where it cannot be read, or its own header (APPNOTE.TXT 4.3.7) contradicts the list."""
    codings: dict[int, Coding] = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\3\4":
        return None
    flags, method = unpack_from("<HH", header, 6)
    named, extra = unpack_from("<HH", header, 26)
    name = file.read(named).decode("utf-8" if flags & _UTF8 else "cp437")
    span = Span(
        entry.header_offset + _LOCAL_HEADER + named + extra,
        codings.get(method, "stored"),
        entry.compress_size,
        entry.file_size,
        entry.CRC,
    )
    sound = (
        method in codings
        and method == entry.compress_type
        and not (flags | entry.flag_bits) & _ENCRYPTED
        and name == entry.orig_filename
        and (method != zipfile.ZIP_STORED or span.length == span.size)
        and span.offset + span.length <= length
    )
    return span if sound else None


def _of_tar(file: io.BufferedReader, coding: Coding, most: int) -> Iterator[Member]:
    """``most`` is how far a member may reach.  A hard link is a link: what it names is there by its own name."""
    archive = tarfile.TarFile(fileobj=file, encoding="utf-8", errors="surrogateescape")
    end = 0
    while (entry := archive.next()) is not None:
        # It keeps all that it met, and follows sizes that lead backwards.
        archive.members.clear()  # type: ignore[attr-defined]  # documented, and not in its stubs
        if entry.size < 0 or entry.offset_data < end or entry.offset_data + entry.size > most:
            raise ValueError("a member that is not where it can be")
        end = entry.offset_data
        if entry.isdir():
            continue
        member = Member(_normal(entry.name), entry.size, Span(entry.offset_data, coding, entry.size, entry.size))
        if entry.issym() or entry.islnk():
            yield replace(member, span=None, reason=Reason.SYMLINK)
        elif not entry.isreg():
            yield replace(member, span=None, reason=Reason.SPECIAL_FILE)
        elif entry.issparse():
            yield _unsafe(member)
        else:
            yield member if entry.size else replace(member, span=None, reason=Reason.EMPTY_FILE)
    # It takes the first block that it cannot read for the end; the true one is of zeros: POSIX.1 pax, ustar.
    file.seek(archive.offset)
    if file.read(_BLOCK) != bytes(_BLOCK):
        raise ValueError("no end")
    while file.read(1 << 20):
        # To where gzip states its checksum.
        if file.tell() > most:
            raise ValueError("a bomb")


def _is_bomb(size: int, length: int) -> bool:
    return size > _FROM and size > _RATIO * length
