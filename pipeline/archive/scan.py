"""Scan: walk the sources, read the headers that are not known yet, judge every series."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from pipeline.archive import walk
from pipeline.archive.assemble import Assembly
from pipeline.archive.catalog import Catalog
from pipeline.archive.convert import stored
from pipeline.archive.derived_labels import is_annotation, is_encapsulated
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.limits import Limits
from pipeline.archive.index import File, Index
from pipeline.archive.labels import DEFAULT_LABELS
from pipeline.archive.pairs import paired
from pipeline.archive.stacks import Irregular
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine

BATCH = 500
"""Files that one child is asked for in one go, and that reach the index in one transaction."""

Advance = Callable[[int, int], None]
"""Told how many headers have been read, and of how many."""


def scan(
    sources: Sequence[Path],
    vault: Vault,
    *,
    modality: str | None = None,
    labels: Sequence[str] = DEFAULT_LABELS,
    irregular: Irregular = "split",
    limits: Limits | None = None,
    workers: int = 1,
    advance: Advance | None = None,
) -> Catalog:
    """What is in the sources: every file accounted for, every series measured and judged.

    Headers are read once: a file of the same path, size and time as in an earlier scan is not opened again.
    An interrupted scan keeps what it read.

    Parameters
    ----------
    modality : of images whose header, sidecar and name state none
    labels : file names of label maps, shell patterns
    irregular : cut series with gaps into their regular runs, or refuse them
    workers : child processes that parse at the same time

    Raises
    ------
    SourceError
        If a source does not exist.  A source without images gives an empty series table.
    StoreError
        If the vault cannot be written.
    """
    limits = limits or Limits()
    roots = sorted(os.path.realpath(os.fsencode(source)) for source in sources)
    with vault.index(write=True) as index:
        with index.transaction():
            index.add_sources(roots)
        for met in _batches(_walked(roots, vault)):
            with index.transaction():
                index.add_found(met)
        _read(index, limits, workers, advance)
        _decode(index, limits)
        _compare(index, limits)
        _digest(index, vault, limits)
        voxels = partial(_voxels, index)
        return Assembly(index, vault, voxels, modality, labels, irregular).catalog()


def _walked(roots: Sequence[bytes], vault: Vault) -> Iterator[File]:
    """Of sorted roots, so that of two sources, one inside the other, the outer names the files."""
    for root in roots:
        for found in walk.files(os.fsdecode(root)):
            path = os.fsencode(found.path)
            relative = os.path.relpath(path, root) if path != root else os.path.basename(path)
            name = vault.pseudonym("file", path)
            yield File(name, path, found.size, found.mtime_ns, os.path.dirname(path), relative, found.reason)


def _read(index: Index, limits: Limits, workers: int, advance: Advance | None) -> None:
    """Parse what is unread, in children; the index is written by this thread alone."""
    unread = index.unread()
    batches = _batches(unread)
    done = 0
    idle: SimpleQueue[Child] = SimpleQueue()
    with ExitStack() as stack:
        for _ in range(workers):
            idle.put(stack.enter_context(Child(limits)))
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        running: set[Future[list[File]]] = set()
        while True:
            running |= {pool.submit(_parsed, batch, idle) for batch in islice(batches, 2 * workers - len(running))}
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                files = future.result()
                with index.transaction():
                    index.add_facts(files)
                done += len(files)
                if advance is not None:
                    advance(done, len(unread))


def _parsed(batch: Sequence[File], idle: SimpleQueue[Child]) -> list[File]:
    child = idle.get()
    try:
        answers = child.headers([os.fsdecode(file.path) for file in batch])
        return [replace(f, header=a.header, reason=a.reason) for f, a in zip(batch, answers, strict=True)]
    finally:
        idle.put(child)


def _decode(index: Index, limits: Limits) -> None:
    """Frames of segmentations, where they are encapsulated: one that cannot be decoded must not refuse its images."""
    with Child(limits) as child:
        for name in [f.file_id for f in index.annotations() if is_encapsulated(f) and index.voxels(f) is None]:
            file = index.found(name)
            if file is None:
                continue
            try:
                stored(file, child)
                digest = child.digest(os.fsdecode(file.path))
            except Quarantine as refused:
                with index.transaction():
                    index.add_facts([replace(file, reason=refused.reason)])
            else:
                with index.transaction():
                    index.add_voxels(file, digest)


def _compare(index: Index, limits: Limits) -> None:
    """sha256 of the stored values of all copies, whatever their encoding; other scans may write meanwhile."""
    with Child(limits) as child:
        for name in index.copies():
            file = index.file(name)
            if file is None or file.header is None:
                continue
            with suppress(Quarantine):
                if is_annotation(file):
                    digest = child.digest(os.fsdecode(file.path))
                else:
                    values = stored(file, child)
                    digest = sha256(values.astype("<f8" if values.dtype.kind == "f" else "<i8").tobytes()).hexdigest()
                with index.transaction():
                    index.add_voxels(file, digest)


def _voxels(index: Index, file: File) -> str:
    """The sha256 of the stored values; a copy whose voxels could not be decoded is like no other file."""
    return index.voxels(file) or file.file_id


def _digest(index: Index, vault: Vault, limits: Limits) -> None:
    """sha256 of the files that hold the voxels of others: what these contain, since a header alone does not say."""
    with Child(limits) as child:
        for name in index.parted():
            file = index.found(name)
            data = file and paired(file, index, vault).data
            if data is None or index.voxels(data) is not None:
                continue
            with suppress(Quarantine):
                digest = child.digest(os.fsdecode(data.path))
                with index.transaction():
                    index.add_voxels(data, digest)


def _batches(files: Iterable[File]) -> Iterator[list[File]]:
    rest = iter(files)
    while batch := list(islice(rest, BATCH)):
        yield batch
