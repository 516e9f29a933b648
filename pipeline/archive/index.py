"""The vault's file index: what is known of every file, volume and identity, in one SQLite file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from pipeline.archive.formats.header import Header
from pipeline.archive.formats.sniff import Container
from pipeline.archive.schema import FOUND, TABLES
from pipeline.errors import StoreError, UsageError
from pipeline.reasons import MEANINGS, Reason

FACTS_VERSION = 5
"""Of the index.  Raise it when ``Header``, a reader or a table changes: every file is then read again."""

_BUSY_S = 60.0
_AGAIN = tuple(str(r) for r, meaning in MEANINGS.items() if meaning.retry or r is Reason.BOMB_DECLARED)

_ANNOTATED = f"('{Reason.SEGMENTATION}', '{Reason.RTSTRUCT}')"
_MET = "SELECT n.file_id, n.path, n.size, n.mtime_ns, n.folder, n.relative, n.location"
_WITH_FACTS = " FROM found n LEFT JOIN files f ON f.file_id = n.file_id AND f.size = n.size AND f.mtime_ns = n.mtime_ns"
_KNOWN = f"{_MET}, COALESCE(n.reason, f.reason), f.header {_WITH_FACTS}"


@dataclass(frozen=True)
class File:
    """One file: where it is, when it was met, and what is known of it.

    ``path`` names it: of a member of a zip or tar the container's path, NUL, "/" and its name there; of a remote
    object its URL.  ``location`` is the text of the ``Place`` where its bytes are, empty where that is its path.
    ``mtime_ns`` is, with ``size``, its version (``opening.Version``).

    ``folder`` is where it lies and ``relative`` its path below its source; both are empty when a volume
    asks for its files, which needs the place alone.  ``container`` says that it holds others; ``data`` is the file
    beside it that holds its voxels, where they are not its own (``pairs``).
    """

    file_id: str
    path: bytes
    size: int
    mtime_ns: int
    folder: bytes = b""
    relative: bytes = b""
    location: bytes = b""
    reason: Reason | None = None
    header: Header | None = None
    container: Container | None = None
    data: File | None = None

    @property
    def place(self) -> str:
        """What ``opening.opened`` takes."""
        return os.fsdecode(self.location or self.path)


class Index:
    """A connection.  Readers open it read-only, many at once; one scan writes at a time.

    ``files`` is a cache of what the bytes say; the other tables only grow.  What one scan met stands in a
    temporary table of its connection, so that scans of different sources share the rest.

    Raises UsageError where there is no index or a reader finds one of another version, StoreError where it
    cannot be written.
    """

    def __init__(self, path: Path, *, write: bool = False) -> None:
        uri = f"file:{quote(bytes(path))}?mode={'rwc' if write else 'ro'}"
        try:
            self._db = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
            if write:
                self._db.executescript(f"PRAGMA journal_mode = DELETE; {FOUND}")
            current = self._is_current()
        except sqlite3.Error as error:
            raise UsageError(f"the index of the vault cannot be opened: {_name(error)}") from None
        if not current and not write:
            raise UsageError("the index of the vault is of another version: scan again")
        if not current:
            with self.transaction():
                self._renew()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _is_current(self) -> bool:
        return bool(self._db.execute("PRAGMA user_version").fetchone()[0] == FACTS_VERSION)

    def _renew(self) -> None:
        # Another scan may have done so while this one waited for its turn.
        for statement in () if self._is_current() else (*TABLES, f"PRAGMA user_version = {FACTS_VERSION}"):
            self._db.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is kept, or none of it."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"the index of the vault cannot be written: {_name(error)}") from None

    def add_found(self, files: Iterable[File]) -> None:
        """Note files that this scan met; one that was met before (sources may overlap) counts once."""
        self._db.executemany(
            "INSERT OR IGNORE INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((f.file_id, f.path, f.size, f.mtime_ns, f.folder, f.relative, f.location, f.reason) for f in files),
        )

    def containers(self) -> list[File]:
        """Files met that hold others, which nobody has added to what was met."""
        kinds = ", ".join(f"'{kind}'" for kind in Container)
        query = f"{_MET}, f.format {_WITH_FACTS} WHERE n.reason IS NULL AND f.reason IS NULL AND f.format IN ({kinds})"
        rows = self._db.execute(f"{query} ORDER BY n.path")
        return [replace(File(*row[:-1]), container=Container(row[-1])) for row in rows]

    def members(self, container: File) -> Iterator[File]:
        """What the container held when it was listed as the very file that it is now; nothing where it was not."""
        query = (
            "SELECT file_id, path, size, mtime_ns, folder, location, reason FROM members"
            " WHERE container = ? AND container_size = ? AND container_mtime_ns = ?"
        )
        for row in self._db.execute(query, (container.file_id, container.size, container.mtime_ns)):
            name, path, size, mtime_ns, folder, location, reason = row
            relative = container.relative + path.removeprefix(container.path)
            yield File(name, path, size, mtime_ns, folder, relative, location, reason and Reason(reason))

    def add_members(self, container: File, members: Iterable[File]) -> None:
        """Keep what a container holds, in place of what it held."""
        made_of = container.file_id, container.size, container.mtime_ns
        self._db.execute("DELETE FROM members WHERE container = ?", (container.file_id,))
        self._db.executemany(
            "INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*made_of, m.file_id, m.path, m.size, m.mtime_ns, m.folder, m.location, m.reason) for m in members),
        )

    def leave_out(self, container: File) -> None:
        """A container is like a folder: what counts is what it holds."""
        self._db.execute("DELETE FROM found WHERE file_id = ?", (container.file_id,))

    def met_below(self, folder: bytes) -> Iterator[bytes]:
        """Paths of all files met in a folder and below it."""
        query = "SELECT path FROM found WHERE path > ? AND path < ?"
        return (path for (path,) in self._db.execute(query, (folder + b"/", folder + b"0")))

    def directories(self) -> list[File]:
        """The DICOMDIRs met."""
        query = f"{_MET} {_WITH_FACTS} WHERE f.reason = ? ORDER BY n.path"
        return [File(*row) for row in self._db.execute(query, (Reason.DICOMDIR,))]

    def add_facts(self, files: Iterable[File]) -> None:
        """Keep what was read in files, in place of what was known of them."""
        self._db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_facts, files))

    def unread(self) -> list[File]:
        """Files met whose facts are unknown, have changed, or may come out otherwise this time."""
        stale = f"f.file_id IS NULL OR f.reason IN ({', '.join('?' * len(_AGAIN))})"
        query = f"{_MET} {_WITH_FACTS} WHERE n.reason IS NULL AND ({stale})"
        # Members of one container in the order in which they lie there: a gzipped tar is read from front to back.
        order = "ORDER BY CASE n.location WHEN x'' THEN n.path ELSE n.location END"
        return [File(*row) for row in self._db.execute(f"{query} {order}", _AGAIN)]

    def series(self) -> Iterator[list[File]]:
        """The DICOM files met, series by series; files without a Series Instance UID go by their folder."""
        query = f"{_KNOWN} WHERE f.format = 'dicom' ORDER BY f.series, n.folder, n.file_id"
        rows = map(_file, self._db.execute(query))
        for _, group in groupby(rows, key=series_key):
            yield list(group)

    def annotations(self) -> Iterator[File]:
        """The segmentations and structure sets met that can be drawn."""
        query = f"{_KNOWN} WHERE COALESCE(n.reason, f.reason) IN {_ANNOTATED} ORDER BY n.file_id"
        return (file for file in map(_file, self._db.execute(query)) if file.header and file.header.annotation)

    def folders(self) -> Iterator[list[File]]:
        """The images of other formats met, folder by folder."""
        query = f"{_KNOWN} WHERE f.format != 'dicom' ORDER BY n.folder, n.path"
        for _, group in groupby(map(_file, self._db.execute(query)), key=lambda f: f.folder):
            yield list(group)

    def rest(self) -> Iterator[File]:
        """The files met that have a reason and no header."""
        return map(_file, self._db.execute(f"{_KNOWN} WHERE f.header IS NULL ORDER BY n.file_id"))

    def strays(self) -> Iterator[File]:
        """The files met that have a reason and name no series, folder by folder."""
        nameless = "f.header IS NULL OR f.format = 'dicom' AND f.series = x''"
        refused = "COALESCE(n.reason, f.reason) IS NOT NULL"
        return map(_file, self._db.execute(f"{_KNOWN} WHERE {refused} AND ({nameless}) ORDER BY n.folder, n.path"))

    def dicom_in(self, folder: bytes) -> list[tuple[str, bytes]]:
        """(Series Instance UID, path) of the DICOM files met in one folder; "" for one that is whole and names none."""
        whole = "f.format = 'dicom' AND (f.series != x'' OR f.reason IS NULL)"
        rows = self._db.execute(f"SELECT f.series, n.path {_WITH_FACTS} WHERE n.folder = ? AND {whole}", (folder,))
        return [(_text(series), path) for series, path in rows]

    def copies(self) -> list[str]:
        """The file_ids of whole objects met whose SOP Instance UID stands in another one, voxels unknown."""
        times = "COUNT(*) OVER (PARTITION BY f.instance) AS times"
        whole = f"{_WITH_FACTS} WHERE f.instance != x'' AND (f.reason IS NULL OR f.reason IN {_ANNOTATED})"
        query = (
            f"SELECT file_id FROM (SELECT n.file_id, n.size, n.mtime_ns, {times} {whole})"
            " LEFT JOIN voxels USING (file_id, size, mtime_ns) WHERE times > 1 AND sha256 IS NULL ORDER BY file_id"
        )
        return [name for (name,) in self._db.execute(query)]

    def shared_names(self) -> set[bytes]:
        """Relative paths of other formats than DICOM that stand below more than one source."""
        query = (
            "SELECT n.relative FROM found n JOIN files f USING (file_id, size, mtime_ns)"
            " WHERE f.format != 'dicom' GROUP BY n.relative HAVING COUNT(*) > 1"
        )
        return {relative for (relative,) in self._db.execute(query)}

    def met(self, file_id: str) -> str | None:
        """The place of a file that this scan met, as a regular and readable one; None of any other."""
        query = "SELECT path, location FROM found WHERE file_id = ? AND reason IS NULL"
        row = self._db.execute(query, (file_id,)).fetchone()
        return None if row is None else os.fsdecode(row[1] or row[0])

    def found(self, file_id: str) -> File | None:
        """What is known of a file that this scan met, whatever it is."""
        row = self._db.execute(f"{_KNOWN} WHERE n.file_id = ?", (file_id,)).fetchone()
        return None if row is None else _file(row)

    def parted(self) -> list[str]:
        """The file_ids of headers met that leave their voxels to another file."""
        parted = "f.format != 'dicom' AND json_extract(f.header, '$.detached') IS NOT NULL"
        query = f"SELECT n.file_id {_WITH_FACTS} WHERE {parted} ORDER BY n.file_id"
        return [name for (name,) in self._db.execute(query)]

    def file(self, file_id: str) -> File | None:
        """What is known of a file, from whichever scan."""
        query = "SELECT file_id, path, size, mtime_ns, x'', x'', location, reason, header FROM files WHERE file_id = ?"
        row = self._db.execute(query, (file_id,)).fetchone()
        return None if row is None else _file(row)

    def voxels(self, file: File) -> str | None:
        """The sha256 of the stored voxels of a file, or of all bytes of one that holds nothing else, where needed."""
        query = "SELECT sha256 FROM voxels WHERE file_id = ? AND size = ? AND mtime_ns = ?"
        row = self._db.execute(query, (file.file_id, file.size, file.mtime_ns)).fetchone()
        return None if row is None else str(row[0])

    def add_voxels(self, file: File, digest: str) -> None:
        row = (file.file_id, file.size, file.mtime_ns, digest)
        self._db.execute("INSERT OR REPLACE INTO voxels VALUES (?, ?, ?, ?)", row)

    def volume(self, volume_id: str, edition: str) -> str | None:
        """What conversion needs to know of one edition of a volume, as it was added."""
        query = "SELECT entry FROM volumes WHERE volume_id = ? AND edition = ?"
        row = self._db.execute(query, (volume_id, edition)).fetchone()
        return None if row is None else str(row[0])

    def add_volume(self, volume_id: str, edition: str, entry: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO volumes VALUES (?, ?, ?)", (volume_id, edition, entry))

    def sources(self) -> list[bytes]:
        """Files and folders that were ever scanned; nothing is written there."""
        return [path for (path,) in self._db.execute("SELECT path FROM sources ORDER BY path")]

    def add_sources(self, paths: Iterable[bytes]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO sources VALUES (?)", ((path,) for path in paths))

    def identity(self, pseudonym: str) -> tuple[str, str] | None:
        """(kind, value) of who or what bears a pseudonym; for the eyes of the hospital only."""
        row = self._db.execute("SELECT kind, value FROM identities WHERE pseudonym = ?", (pseudonym,)).fetchone()
        return None if row is None else (str(row[0]), _text(row[1]))

    def add_identity(self, pseudonym: str, kind: str, value: str) -> None:
        row = (pseudonym, kind, _bytes(value))
        self._db.execute("INSERT OR IGNORE INTO identities VALUES (?, ?, ?)", row)


def series_key(file: File) -> str | bytes:
    """What the files of one series share: its UID, else the folder that they lie in."""
    return (file.header.series if file.header else "") or file.folder


def _facts(file: File) -> tuple[object, ...]:
    header = file.header
    stated: tuple[object, ...] = (file.container, None, None)
    if header is not None:
        stated = (header.format, _bytes(header.series), _bytes(header.instance))
    text = None if header is None else header.to_json()
    return file.file_id, file.path, file.size, file.mtime_ns, file.location, *stated, file.reason, text


def _file(row: tuple[str, bytes, int, int, bytes, bytes, bytes, str | None, str | None]) -> File:
    reason, header = row[7:]
    return File(*row[:7], Reason(reason) if reason else None, Header.from_json(header) if header else None)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _name(error: sqlite3.Error) -> str:
    """SQLite's code for what went wrong; its message may quote a path."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__
