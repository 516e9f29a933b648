"""Tables to Parquet bytes that depend on nothing but the rows, and files replaced whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StoreError

_PART = ".part"


def parquet(table: pa.Table) -> bytes:
    """A Parquet file, zstd, with the Arrow schema and its metadata.  Rows stay in the order given.

    Chunks are joined first: how a table was put together must not show.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.combine_chunks(), sink, compression="zstd", compression_level=3, version="2.6", row_group_size=1 << 17
    )
    return sink.getvalue().to_pybytes()


def replace(path: Path, data: bytes) -> bool:
    """Make ``path`` hold ``data``; True where that changed anything.

    Readers see the old file or the new one, also after a crash: written beside it, synced, renamed over it.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
        while not _renamed(part, path, data):
            pass
        _sync(path.parent)
    except OSError as error:
        raise _cannot(error) from error
    return True


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left behind.  Raises StoreError where that is not allowed."""
    try:
        for part in folder.glob(f".*{_PART}"):
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot(error) from error


def _cannot(error: OSError) -> StoreError:
    return StoreError(f"the report cannot be written: {error.strerror or 'the disk failed'}")


def _renamed(part: Path, path: Path, data: bytes) -> bool:
    """False where another writer swept ``part`` away before it got its name."""
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    try:
        part.replace(path)
    except FileNotFoundError:
        return False
    return True


def _sync(folder: Path) -> None:
    """The new name itself is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
