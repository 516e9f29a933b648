"""A file inside another one, as a file of its own: a window on its bytes, or what they inflate to.

Nothing is unpacked to disk, and no more than a buffer of it is in memory.
"""

from __future__ import annotations

import io
import os
import zlib
from bisect import bisect_right
from typing import Any, NamedTuple, Protocol

from pipeline.errors import Quarantine
from pipeline.reasons import Reason

RAW, GZIP = -zlib.MAX_WBITS, zlib.MAX_WBITS | 16
"""Window bits of zlib: a bare deflate stream (RFC 1951), one or several gzip members (RFC 1952)."""

_STEP = 1 << 16
_SKIP = 1 << 20
_SPACING = 1 << 23
_MOST_MARKS = 256
_GZIP_MAGIC = b"\x1f\x8b"


class Seekable(io.RawIOBase):
    """A raw file that is read and moved about in; where it stands is a number, and moving costs nothing."""

    name = ""
    """pydicom keeps the name of a file that has one; of these there is none to be kept."""

    def __init__(self, size: int | None) -> None:
        super().__init__()
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Raises OSError for a place before the start, or from an end that is not known."""
        if whence == os.SEEK_END and self._size is None:
            raise io.UnsupportedOperation("the end is not known")
        origin = (0, self._at, self._size or 0)[whence]
        if origin + offset < 0:
            raise OSError("a place before the start")
        self._at = origin + offset
        return self._at

    def _wanted(self, view: memoryview) -> int:
        return len(view) if self._size is None else min(len(view), max(0, self._size - self._at))


class Source(Protocol):
    """What a window is on."""

    def seek(self, offset: int, /) -> int:
        """Go there."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read at most so many bytes; how many."""

    def close(self) -> None:
        """Let go of it."""


class Window(Seekable):
    """``size`` bytes of ``source`` from ``offset`` on; the source is closed with it where it is ``owned``."""

    def __init__(self, source: Source, offset: int, size: int, *, owned: bool = True) -> None:
        super().__init__(size)
        self._source = source
        self._offset = offset
        self._owned = owned

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        self._source.seek(self._offset + self._at)
        count = self._source.readinto(view[: self._wanted(view)]) or 0
        self._at += count
        return count

    def close(self) -> None:
        if self._owned and not self.closed:
            self._source.close()
        super().close()


class _Mark(NamedTuple):
    """The state of an inflater after ``made`` bytes: going back to it costs a copy of its 32 KiB window."""

    made: int
    inflater: Any
    rest: bytes
    at: int


class Inflating(Seekable):
    """What a deflated stream holds; of ``size`` bytes where that is known.

    Marks are kept while it is read, 8 MiB apart (farther in streams of more than 2 GiB), so that whoever comes back
    inflates no more than what lies between two of them.

    Reading raises Quarantine(ARCHIVE_UNSAFE) where the stream is damaged, or ends before ``size``.
    """

    def __init__(self, source: io.RawIOBase, bits: int, size: int | None = None) -> None:
        super().__init__(size)
        self._source = source
        self._bits = bits
        self._made = 0
        self._inflater: Any = zlib.decompressobj(bits)
        self._rest = b""
        self._spacing = _SPACING
        self._marks = [_Mark(0, self._inflater.copy(), b"", 0)]
        self._last = self._marks[0]

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        wanted = self._wanted(view)
        if not wanted:
            return 0
        self._wind()
        part = self._next(wanted)
        if not part and self._size is not None:
            raise Quarantine(Reason.ARCHIVE_UNSAFE)
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()

    def _wind(self) -> None:
        """Inflate up to where it is to be read; whoever goes to a place comes back to it."""
        if self._made == self._at:
            return
        best = max((m for m in (self._nearest(), self._last) if m.made <= self._at), key=lambda mark: mark.made)
        if not best.made <= self._made <= self._at:
            self._made, self._rest, self._inflater = best.made, best.rest, best.inflater.copy()
            self._source.seek(best.at)
        while self._made < self._at:
            if not self._next(min(_SKIP, self._at - self._made)):
                return
        self._last = self._here()

    def _nearest(self) -> _Mark:
        return self._marks[bisect_right(self._marks, self._at, key=lambda mark: mark.made) - 1]

    def _here(self) -> _Mark:
        return _Mark(self._made, self._inflater.copy(), self._rest, self._source.tell())

    def _next(self, most: int) -> bytes:
        part = b""
        try:
            while not part:
                if self._inflater.eof and not self._goes_on():
                    return b""
                # zlib may hold back output of bytes that it has taken in: it is asked once more at the end.
                deflated = self._rest or self._source.read(_STEP) or b""
                part = self._inflater.decompress(deflated, most)
                self._rest = self._inflater.unconsumed_tail
                if not (part or deflated or self._inflater.eof):
                    raise Quarantine(Reason.ARCHIVE_UNSAFE)
        except zlib.error:
            raise Quarantine(Reason.ARCHIVE_UNSAFE) from None
        self._made += len(part)
        self._mark()
        return part

    def _goes_on(self) -> bool:
        """Whether another gzip member follows (RFC 1952 2.2); what is left of padding is no member."""
        if self._bits != GZIP:
            return False
        following = self._inflater.unused_data or self._source.read(_STEP) or b""
        if not following.startswith(_GZIP_MAGIC[: len(following)]) or not following:
            return False
        self._inflater, self._rest = zlib.decompressobj(self._bits), following
        return True

    def _mark(self) -> None:
        if self._made - self._marks[-1].made < self._spacing or self._inflater.eof:
            return
        self._marks.append(self._here())
        if len(self._marks) > _MOST_MARKS:
            self._marks = self._marks[::2]
            self._spacing *= 2
