"""Objects behind URLs, by fsspec: who they are, and ranges of their bytes.

Credentials are never part of a URL.  fsspec's drivers find them as their own documents say (AWS_*, profiles).
No exception of a driver leaves this module: their messages quote addresses.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from pipeline.archive.formats.within import Seekable
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_URL = re.compile(r"(s3|https?)://")

_FIRST, _MOST = 1 << 16, 1 << 23
"""Bytes of a first read, and of the largest that reading on may grow to."""

_MARKS = ("ETag", "Content-MD5", "Digest", "Last-Modified", "LastModified")
"""What may tell two objects of one name apart, best first: RFC 9110 8.8, as fsspec's drivers call it."""

_PASSED_ON = re.compile(
    r"AWS_\w+|FSSPEC_\w+|(https?|all|no)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|HOME", re.IGNORECASE
)


def is_url(text: str) -> bool:
    """Whether this is the address of an object store or web server, and no path."""
    return _URL.match(text) is not None


def environment() -> dict[str, str]:
    """What a process needs of this one's environment to read what lies behind URLs; credentials are among it."""
    return {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}


def filesystem(url: str) -> Any:
    """fsspec's driver.  Raises ImportError where it is not installed."""
    import fsspec  # type: ignore[import-untyped]

    return fsspec.filesystem(url.partition("://")[0], use_listings_cache=False)


def version_of(info: Mapping[str, Any]) -> tuple[int, int]:
    """(size, hash of what the server says tells versions apart).  Raises OSError where the size is not told."""
    if info.get("size") is None:
        raise OSError(errno.EIO, "no size")
    told = next((str(info[name]) for name in _MARKS if info.get(name)), "")
    return int(info["size"]), int.from_bytes(sha256(told.encode()).digest()[:8], "big") >> 1


@contextmanager
def plain_errors() -> Iterator[None]:
    """Whatever a driver raises becomes an OSError of one of three kinds, without its message."""
    try:
        yield
    except (MemoryError, ImportError):
        raise
    except Exception as error:
        raise _plain(error) from None


def _plain(error: Exception) -> OSError:
    """fsspec calls whatever a web server does not show not found: the status stands in the cause."""
    cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ is not None else error
    status = getattr(cause, "status", None)
    if isinstance(cause, PermissionError) or status in (401, 403):
        return PermissionError(errno.EACCES, "refused")
    if isinstance(cause, FileNotFoundError) or status in (404, 410):
        return FileNotFoundError(errno.ENOENT, "gone")
    return OSError(errno.EIO, "unreachable")


class Remote(Seekable):
    """An object, read in ranges that grow while it is read on: a header costs one request, a volume few."""

    def __init__(self, url: str, size: int | None = None) -> None:
        super().__init__(size)
        self._url = url
        with plain_errors():
            self._files = filesystem(url)
        self._ahead = b""
        self._ahead_at = 0

    def version(self) -> tuple[int, int]:
        """As the server tells it now.  Raises OSError, and Quarantine(CHANGED) where the object is gone."""
        try:
            with plain_errors():
                found = version_of(self._files.info(self._url))
        except FileNotFoundError:
            raise Quarantine(Reason.CHANGED) from None
        self._size = found[0]
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END and self._size is None:
            self.version()
        return super().seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        if self._size is None:
            self.version()
        view = memoryview(buffer).cast("B")
        wanted = self._wanted(view)
        if not wanted:
            return 0
        skipped = self._at - self._ahead_at
        if not 0 <= skipped < len(self._ahead):
            self._fetch(wanted, reads_on=skipped == len(self._ahead) > 0)
            skipped = 0
        part = self._ahead[skipped : skipped + wanted]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _fetch(self, wanted: int, *, reads_on: bool) -> None:
        size = max(wanted, _FIRST, min(2 * len(self._ahead), _MOST) if reads_on else 0)
        end = min(self._at + size, self._size or 0)
        with plain_errors():
            self._ahead = self._files.cat_file(self._url, start=self._at, end=end)
        self._ahead_at = self._at
        if len(self._ahead) != end - self._at:
            # A server that knows no ranges sends all there is, from the start.
            raise OSError(errno.EIO, "not the range that was asked for")
