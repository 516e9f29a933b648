"""Deflated bytes, read from any place on: zlib (RFC 1950) and gzip (RFC 1952) streams.

To come to the last of a hundred volumes means to inflate them all.  So the first pass leaves marks, copies of the
inflater's state, and the next ones begin at the nearest.
"""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

_CHUNK = 1 << 16
_STEP = 1 << 24
_APART = 1 << 23
"""Between marks, in bytes that were inflated; a mark takes some 100 kB."""


class _Mark(NamedTuple):
    at: int
    next: int
    inflater: Any


@dataclass
class _Pass:
    """What is known of one file, once it was read: places to begin at, and whether it came to a good end."""

    marks: list[_Mark] = field(default_factory=list)
    is_whole: bool = False


class Inflated:
    """What a stream holds, from where ``file`` stands; gzip streams one behind another are one.

    ``read`` and ``skip`` raise EOFError where the stream is cut, zlib.error where it is damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0
        self._inflater = _inflater()
        self._known = _known(file)

    @property
    def is_whole(self) -> bool:
        """Whether this file, as it is, was read to its end before, where the checksum stands."""
        return self._known.is_whole

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, none at the end."""
        part = b""
        while not part:
            if self._inflater.eof:
                rest = self._inflater.unused_data or self._file.read(_CHUNK)
                if rest[:1] == b"\x1f" and len(rest) < 2:
                    rest += self._file.read(_CHUNK)
                if rest[:2] != b"\x1f\x8b":
                    self._known.is_whole = True
                    return b""
                self._inflater = _inflater()
            else:
                rest = self._inflater.unconsumed_tail or self._file.read(_CHUNK)
                if not rest:
                    raise EOFError
            part = self._inflater.decompress(rest, size)
        self._at += len(part)
        return part

    def skip(self, nbytes: int) -> None:
        """Go on by so many bytes."""
        end, marks = self._at + nbytes, self._known.marks
        near = bisect_right(marks, end, key=lambda mark: mark.at) - 1
        if near >= 0 and marks[near].at > self._at:
            self._at, position, inflater = marks[near]
            self._inflater = inflater.copy()
            self._file.seek(position)
        while self._at < end:
            if not self.read(min(end - self._at, _STEP)):
                raise EOFError
            if self._at >= (marks[-1].at if marks else 0) + _APART and not self._inflater.eof:
                marks.append(_Mark(self._at, self._file.tell(), self._inflater.copy()))


def _known(file: BinaryIO) -> _Pass:
    try:
        status = os.fstat(file.fileno())
    except OSError:
        # It lies in another file, or far away, and cannot be told from what may come to lie there.
        return _Pass()
    return _of(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, file.tell())


def _inflater() -> Any:
    return zlib.decompressobj(zlib.MAX_WBITS | 32)


@lru_cache(maxsize=1)
def _of(*file_and_offset: int) -> _Pass:
    """Of the last file only: its volumes are asked for together, if at all."""
    return _Pass()
