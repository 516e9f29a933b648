"""What a user names as a source: a path on this machine, or the URL of an object store or web server."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.archive.formats.remote import is_url
from pipeline.errors import UsageError

Source = Path | str
"""A path, or the text of a URL of ``remote``."""


def source(text: str | os.PathLike[str]) -> Source:
    """A source as a command line names it; ``file://`` is a path.

    Raises UsageError for a URL of another kind, or one that holds more than host and path: credentials in it would
    be kept with every name, and what follows a question mark names no folder.

    >>> source("file:///archive"), source("s3://bucket/prefix")
    (PosixPath('/archive'), 's3://bucket/prefix')
    """
    name = os.fspath(text)
    if "://" not in name or Path(name).exists():
        return Path(name)
    parts = urlsplit(name)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    if not is_url(name):
        raise UsageError("a source is a path, or a URL that begins with s3://, http://, https:// or file://")
    if not parts.netloc or parts.username is not None or parts.query or parts.fragment or "\0" in name:
        raise UsageError("the URL of a source is host and path alone: credentials belong in the environment")
    return name


def local(sources: Iterable[Source]) -> list[Path]:
    """Those that are paths."""
    return [one for one in sources if isinstance(one, Path)]
