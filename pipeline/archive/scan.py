"""Scan: walk the sources, read the headers that are not known yet, judge every series."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import chain, islice
from queue import SimpleQueue

from pipeline.archive import directory, remote, walk
from pipeline.archive.assemble import Assembly
from pipeline.archive.catalog import Catalog
from pipeline.archive.contents import unfold
from pipeline.archive.convert import stored
from pipeline.archive.derived_labels import is_annotation, is_encapsulated
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.reading import Parsed
from pipeline.archive.index import File, Index
from pipeline.archive.labels import DEFAULT_LABELS
from pipeline.archive.pairs import paired
from pipeline.archive.sources import Source, local
from pipeline.archive.stacks import Irregular
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_LOG = logging.getLogger("scanmill")

BATCH = 500
"""Files that one child is asked for in one go, and that reach the index in one transaction."""

Advance = Callable[[int, int], None]
"""Told how many headers have been read, and of how many."""


def scan(
    sources: Sequence[Source],
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
        If a source does not exist or cannot be reached.  A source without images gives an empty series table.
    StoreError
        If the vault cannot be written.
    """
    limits = limits or Limits()
    roots = sorted(os.path.realpath(os.fsencode(source)) for source in local(sources))
    addresses = sorted(source for source in sources if isinstance(source, str))
    with vault.index(write=True) as index:
        with index.transaction():
            index.add_sources(roots)
        for met in _batches(chain(_walked(roots, vault), _behind(addresses, vault))):
            with index.transaction():
                index.add_found(met)
        with ExitStack() as stack:
            children = [stack.enter_context(Child(limits)) for _ in range(workers)]
            _read(index, children, advance)
            unfold(index, vault, children[0])
            _read(index, children, advance)
            if lost := directory.missing(index, children[0]):
                _LOG.warning("DICOMDIRs name %d files that are not there", lost)
            _decode(index, children[0])
            _compare(index, children[0])
            _digest(index, vault, children[0])
        voxels = partial(_voxels, index)
        return Assembly(index, vault, voxels, modality, labels, irregular).catalog()


def _walked(roots: Sequence[bytes], vault: Vault) -> Iterator[File]:
    """Of sorted roots, so that of two sources, one inside the other, the outer names the files."""
    for root in roots:
        for found in walk.files(os.fsdecode(root)):
            path = os.fsencode(found.path)
            relative = path.removeprefix(root).lstrip(b"/") or os.path.basename(path)
            name = vault.pseudonym("file", path)
            yield File(name, path, found.size, found.mtime_ns, os.path.dirname(path), relative, reason=found.reason)


def _behind(addresses: Sequence[str], vault: Vault) -> Iterator[File]:
    for url in addresses:
        for found in remote.files(url):
            path = os.fsencode(found.path)
            relative = path.removeprefix(os.fsencode(url.rstrip("/"))).lstrip(b"/") or os.path.basename(path)
            folder, name = os.path.dirname(path), vault.pseudonym("file", path)
            location = os.fsencode(found.location)
            yield File(name, path, found.size, found.mtime_ns, folder, relative, location, found.reason)


def _read(index: Index, children: Sequence[Child], advance: Advance | None) -> None:
    """Parse what is unread, in children; the index is written by this thread alone."""
    unread = index.unread()
    batches = _batches(unread)
    done = 0
    idle: SimpleQueue[Child] = SimpleQueue()
    for child in children:
        idle.put(child)
    with ThreadPoolExecutor(len(children)) as pool:
        running: set[Future[list[File]]] = set()
        while True:
            running |= {
                pool.submit(_parsed, batch, idle) for batch in islice(batches, 2 * len(children) - len(running))
            }
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
        answers = child.headers([file.place for file in batch])
        return [_with_facts(file, answer) for file, answer in zip(batch, answers, strict=True)]
    finally:
        idle.put(child)


def _with_facts(file: File, answer: Parsed) -> File:
    if answer.container is not None and b"\0" in file.path:
        return replace(file, reason=Reason.ARCHIVE_UNSAFE)
    return replace(file, header=answer.header, reason=answer.reason, container=answer.container)


def _decode(index: Index, child: Child) -> None:
    """Frames of segmentations, where they are encapsulated: one that cannot be decoded must not refuse its images."""
    for name in [f.file_id for f in index.annotations() if is_encapsulated(f) and index.voxels(f) is None]:
        file = index.found(name)
        if file is None:
            continue
        try:
            stored(file, child)
            digest = child.digest(file.place, (file.size, file.mtime_ns))
        except Quarantine as refused:
            with index.transaction():
                index.add_facts([replace(file, reason=refused.reason)])
        else:
            with index.transaction():
                index.add_voxels(file, digest)


def _compare(index: Index, child: Child) -> None:
    """sha256 of the stored values of all copies, whatever their encoding; other scans may write meanwhile."""
    for name in index.copies():
        file = index.file(name)
        if file is None or file.header is None:
            continue
        with suppress(Quarantine):
            if is_annotation(file):
                digest = child.digest(file.place, (file.size, file.mtime_ns))
            else:
                values = stored(file, child)
                digest = sha256(values.astype("<f8" if values.dtype.kind == "f" else "<i8").tobytes()).hexdigest()
            with index.transaction():
                index.add_voxels(file, digest)


def _voxels(index: Index, file: File) -> str:
    """The sha256 of the stored values; a copy whose voxels could not be decoded is like no other file."""
    return index.voxels(file) or file.file_id


def _digest(index: Index, vault: Vault, child: Child) -> None:
    """sha256 of the files that hold the voxels of others: what these contain, since a header alone does not say."""
    for name in index.parted():
        file = index.found(name)
        data = file and paired(file, index, vault).data
        if data is None or index.voxels(data) is not None:
            continue
        with suppress(Quarantine):
            digest = child.digest(data.place, (data.size, data.mtime_ns))
            with index.transaction():
                index.add_voxels(data, digest)


def _batches(files: Iterable[File]) -> Iterator[list[File]]:
    rest = iter(files)
    while batch := list(islice(rest, BATCH)):
        yield batch
