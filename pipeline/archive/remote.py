"""Every object below a URL, in one order, none of them read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.archive.formats.opening import Place, Span
from pipeline.archive.formats.remote import filesystem, plain_errors, version_of
from pipeline.archive.walk import Found, refusal
from pipeline.errors import SourceError
from pipeline.reasons import Reason

_AT_ONCE = 16
_DEEPEST = 64
"""Folders in folders: a web server can make up links for ever."""


def files(url: str) -> Iterator[Found]:
    """All objects below ``url``, or the one that it names, folder by folder, sorted by the bytes of their names.

    Sizes and versions are those that the server tells.  A folder or object that it does not show is a row with its
    reason.  Of a page of links only what lies below the page is taken.

    Raises SourceError where the URL cannot be reached, or the driver for it is not installed.
    """
    try:
        with plain_errors():
            store = filesystem(url)
            entries = _listed(store, url)
            alone = not entries or [entry["name"] for entry in entries] == [url.rstrip("/")]
            first = [{**store.info(url), "name": url, "type": "file"}] if alone else entries
    except ImportError:
        raise SourceError("sources behind URLs need the extra `remote`: pip install 'scanmill[remote]'") from None
    except OSError:
        raise SourceError("a source does not exist or cannot be reached") from None
    stack = [_sorted(store, first)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif entry["type"] != "directory":
            yield _found(entry)
        elif len(stack) < _DEEPEST:
            try:
                with plain_errors():
                    inside = _listed(store, entry["name"])
            except OSError as error:
                yield Found(entry["name"], 0, 0, refusal(error))
                continue
            stack.append(_sorted(store, inside))
        else:
            yield Found(entry["name"], 0, 0, Reason.UNREADABLE_IO)


def _listed(store: Any, url: str) -> list[dict[str, Any]]:
    """What lies right below a URL, by full names without a last slash."""
    start = url.rstrip("/") + "/"
    below: dict[str, dict[str, Any]] = {}
    for entry in store.ls(url, detail=True):
        name = store.unstrip_protocol(entry["name"]).rstrip("/")
        inside = name.removeprefix(start)
        if name == url.rstrip("/") and entry["type"] != "directory" and not url.endswith("/"):
            return [{**entry, "name": name}]
        if name.startswith(start) and _is_name(inside):
            below[name] = {**entry, "name": name}
    return list(below.values())


def _is_name(text: str) -> bool:
    return bool(text) and text not in (".", "..") and not any(mark in text for mark in "/?#\0")


def _sorted(store: Any, entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Web servers tell sizes one by one."""
    entries = sorted(entries, key=lambda entry: os.fsencode(entry["name"]))
    unsized = [entry for entry in entries if entry["type"] != "directory" and entry.get("size") is None]
    if unsized:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for entry, told in zip(unsized, pool.map(lambda one: _told(store, one["name"]), unsized), strict=True):
                entry.update(told)
    return iter(entries)


def _told(store: Any, name: str) -> dict[str, Any]:
    try:
        with plain_errors():
            return {**store.info(name), "name": name, "type": "file"}
    except OSError as error:
        return {"error": error}


def _found(entry: dict[str, Any]) -> Found:
    name = entry["name"]
    try:
        if "error" in entry:
            raise entry["error"]
        size, mark = version_of(entry)
    except OSError as error:
        return Found(name, 0, 0, refusal(error))
    if not size:
        return Found(name, 0, mark, Reason.EMPTY_FILE)
    return Found(name, size, mark, location=str(Place(name, Span(0, "stored", size, size))))
