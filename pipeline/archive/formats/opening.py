"""Where the bytes of a file are, and the way to them: on disk, in a zip or tar, behind a URL.

A place is text, so that it goes through pipes and tables as a path does: a path or URL, and where the file is a
part of what lies there, NUL and the span.  NUL stands in no path.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import BinaryIO, Literal, NamedTuple

from pipeline.archive.formats import remote
from pipeline.archive.formats.within import GZIP, RAW, Inflating, Window
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

Coding = Literal["stored", "deflated", "gzip"]

Version = tuple[int, int]
"""(size, time): of a file on disk its st_size and st_mtime_ns; of any other its size and a hash of what it lies in."""

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BUFFER = 1 << 16
_IN_MEMORY = 1 << 26
_GONE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)
_NETWORK = 8
"""How many times slower than a disk a network is still waited for."""


class Span(NamedTuple):
    """Where the bytes of a file lie in a container.

    Attributes
    ----------
    offset : of the first one; of gzip in what the whole container inflates to
    coding : as they are, a bare deflate stream, or a part of a container that is one gzip file
    length : bytes that it takes there
    size : of the file itself
    crc : CRC-32 that the container states, or None
    """

    offset: int
    coding: Coding
    length: int
    size: int
    crc: int | None = None

    def __str__(self) -> str:
        # Sixteen digits: places of one container are sorted by where they lie.
        return f"{self.offset:016x} {self.coding} {self.length} {self.size} {'' if self.crc is None else self.crc}"

    @property
    def is_all(self) -> bool:
        """Whether it is all that lies there: no container has a member at its first byte."""
        return self.offset == 0 and self.coding == "stored"

    @classmethod
    def parse(cls, text: str) -> Span:
        """The span that ``str`` wrote."""
        offset, coding, length, size, crc = text.split(" ")
        known: dict[str, Coding] = {"stored": "stored", "deflated": "deflated", "gzip": "gzip"}
        return cls(int(offset, 16), known[coding], int(length), int(size), int(crc) if crc else None)


@dataclass(frozen=True)
class Place:
    """A path or URL, and which part of what lies there; None for all of a file on disk.

    >>> Place.parse(str(Place("/a.zip", Span(39, "stored", 5, 5, 7)))).span
    Span(offset=39, coding='stored', length=5, size=5, crc=7)
    """

    path: str
    span: Span | None = None

    def __str__(self) -> str:
        return self.path if self.span is None else f"{self.path}\0{self.span}"

    @classmethod
    def parse(cls, text: str | os.PathLike[str]) -> Place:
        """The place that ``str`` wrote."""
        path, nul, span = os.fspath(text).partition("\0")
        return cls(path, Span.parse(span) if nul else None)

    @property
    def is_plain(self) -> bool:
        """Whether the bytes lie on a disk as they are."""
        return not remote.is_url(self.path) and (self.span is None or self.span.coding == "stored")

    @property
    def cost(self) -> int:
        """Bytes that reading all of it may take, network counted dearer.  Raises OSError."""
        if self.span is None:
            return os.lstat(self.path).st_size
        before = self.span.offset if self.span.coding == "gzip" else 0
        return (before + self.span.length + self.span.size) * (_NETWORK if remote.is_url(self.path) else 1)


def version(container: Version, span: Span | None) -> Version:
    """Of a file that lies in a container of that version: another one whenever the container changes."""
    if span is None or span.is_all:
        return container
    mark = sha256(f"{container[0]} {container[1]} {span}".encode()).digest()
    return span.size, int.from_bytes(mark[:8], "big") >> 1


def known(size: int | None, mtime_ns: int | None) -> Version | None:
    """The version that both make; None where either is not known."""
    return None if size is None or mtime_ns is None else (size, mtime_ns)


@contextmanager
def opened(
    text: str | os.PathLike[str], expected: Version | None = None, *, whole: bool = False
) -> Iterator[io.BufferedReader]:
    """The file at a place, seekable, whatever it lies in.

    On disk only a regular file, never through a link put there since the walk, never waiting on a pipe.

    Parameters
    ----------
    expected : its version when it was met
    whole : whether all of it is to be read: its checksum is then compared first, where the container states one

    Raises
    ------
    Quarantine
        CHANGED where it is not of the version that is expected; ARCHIVE_UNSAFE where its checksum is another.
    OSError
        Where it cannot be read.
    """
    place = Place.parse(text)
    base = _base(place, is_known=expected is not None)
    try:
        if expected is not None and version(base_version(base), place.span) != expected:
            raise Quarantine(Reason.CHANGED)
        file = _inside(place, base)
    except BaseException:
        base.close()
        raise
    with file:
        if whole and place.span is not None and place.span.crc is not None:
            file = _checked(file, place.span)
        yield file


@contextmanager
def descriptor(text: str | os.PathLike[str], expected: Version | None = None) -> Iterator[tuple[int, int]]:
    """(file descriptor, where the file begins in it) of a plain place; exceptions are those of ``opened``."""
    place = Place.parse(text)
    with _base(place, is_known=expected is not None) as base:
        if expected is not None and version(base_version(base), place.span) != expected:
            raise Quarantine(Reason.CHANGED)
        if place.span is None:
            yield base.fileno(), 0
            return
        if place.span.crc is not None:
            window = Window(base, place.span.offset, place.span.size, owned=False)
            with io.BufferedReader(window, _BUFFER) as file:
                _check(file, place.span)
        yield base.fileno(), place.span.offset


def base_version(base: io.RawIOBase) -> Version:
    """Of an open container or file."""
    if isinstance(base, remote.Remote):
        return base.version()
    status = os.fstat(base.fileno())
    return status.st_size, status.st_mtime_ns


def _base(place: Place, *, is_known: bool) -> io.RawIOBase:
    """What lies at the path or URL, as it is."""
    if remote.is_url(place.path):
        return remote.Remote(place.path, place.span.size if place.span and place.span.is_all else None)
    try:
        base = io.FileIO(os.open(place.path, _FLAGS))
    except OSError as error:
        if is_known and error.errno in _GONE:
            raise Quarantine(Reason.CHANGED) from None
        raise
    if not stat.S_ISREG(os.fstat(base.fileno()).st_mode):
        base.close()
        raise Quarantine(Reason.CHANGED)
    return base


def _inside(place: Place, base: io.RawIOBase) -> io.BufferedReader:
    span = place.span
    if span is None:
        return io.BufferedReader(base)
    if span.coding == "gzip":
        found = base_version(base)
        base.close()
        return io.BufferedReader(Window(_inflating(place.path, found), span.offset, span.size, owned=False), _BUFFER)
    window = Window(base, span.offset, span.length)
    return io.BufferedReader(window if span.coding == "stored" else Inflating(window, RAW, span.size), _BUFFER)


@lru_cache(maxsize=1)
def _inflating(path: str, expected: Version) -> Inflating:
    """The gzip file that was read last stays open, since what was inflated of it is dear."""
    base = _base(Place(path), is_known=True)
    if base_version(base) != expected:
        base.close()
        raise Quarantine(Reason.CHANGED)
    return Inflating(base, GZIP)


def _checked(file: io.BufferedReader, span: Span) -> io.BufferedReader:
    """The same from its start: out of memory where it is small, since inflating it twice takes twice the time."""
    if span.size > _IN_MEMORY:
        _check(file, span)
        return file
    content = file.read()
    _compare(len(content), zlib.crc32(content), span)
    return io.BufferedReader(Window(io.BytesIO(content), 0, span.size))


def _check(file: BinaryIO, span: Span) -> None:
    crc, size = 0, 0
    while part := file.read(1 << 20):
        crc, size = zlib.crc32(part, crc), size + len(part)
    _compare(size, crc, span)
    file.seek(0)


def _compare(size: int, crc: int, span: Span) -> None:
    if (size, crc) != (span.size, span.crc):
        raise Quarantine(Reason.ARCHIVE_UNSAFE)
