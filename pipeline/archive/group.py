"""The images of one DICOM series: which are kept, which are copies, what spoils the whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.archive.formats.header import NATIVE
from pipeline.archive.identity import content_id
from pipeline.archive.index import File
from pipeline.reasons import MEANINGS, Outcome, Reason


class Fate(NamedTuple):
    """How a file ends; both None for a file that a later run will settle."""

    outcome: Outcome | None = None
    reason: Reason | None = None


PENDING = Fate()


def fate(reason: Reason) -> Fate:
    """The end that a reason means."""
    return Fate(MEANINGS[reason].outcome, reason)


@dataclass(frozen=True)
class Group:
    """One series, sorted out.

    Attributes
    ----------
    images : what the volume would be made of, broken files that have a header included
    reasons : of broken files, holes and conflicting copies, most basic first; any of them refuses the series
    fates : of the files whose end is known already: skipped, duplicate, broken, lost
    """

    images: tuple[File, ...]
    reasons: tuple[Reason, ...] = ()
    fates: dict[str, Fate] = field(default_factory=dict)


def group(files: Sequence[File], voxels: Callable[[File], str], lost: Sequence[File] = ()) -> Group:
    """Sort out the files of one Series Instance UID, and what was lost of it (``holes``).

    A broken file and a lost one are holes, and refuse the series; not so a truncated copy of an image that
    is there as a whole, nor what was lost of a series that is skipped anyway.
    ``voxels`` gives the sha256 of a file's stored values; it is asked only where one SOP Instance UID
    stands in several files with equal facts.  Of equal copies one is kept: native before lossless before
    lossy; other content under one UID is a conflict, and nobody can say which is right.
    """
    fates = {f.file_id: fate(f.reason) for f in (*files, *lost) if f.reason is not None}
    intact = {f.header.instance for f in files if f.reason is None and f.header is not None}
    left_out = {name for name, end in fates.items() if end.outcome is Outcome.SKIPPED}
    left_out |= {f.file_id for f in files if _is_cut_copy(f, intact)}
    candidates = [f for f in files if f.file_id not in left_out]
    broken = {f.reason for f in candidates if f.reason is not None}
    if candidates:
        holes = {f.file_id: f.reason for f in lost if f.reason is not None and not _is_cut_copy(f, intact)}
        fates |= {name: Fate(Outcome.QUARANTINED, reason) for name, reason in holes.items()}
        broken |= set(holes.values())

    by_instance: dict[str, list[File]] = defaultdict(list)
    for file in candidates:
        if file.reason is None and file.header is not None and file.header.instance:
            by_instance[file.header.instance].append(file)
    for copies in by_instance.values():
        if len(copies) == 1:
            continue
        if not _equal(copies, voxels):
            broken.add(Reason.DUPLICATE_SOP_CONFLICT)
            continue
        _, *others = sorted(copies, key=_rank)
        fates |= {copy.file_id: fate(Reason.DUPLICATE_SOP) for copy in others}

    duplicates = {name for name, end in fates.items() if end.outcome is Outcome.DUPLICATE}
    images = tuple(f for f in candidates if f.file_id not in duplicates)
    return Group(images, tuple(reason for reason in Reason if reason in broken), fates)


def _is_cut_copy(file: File, intact: set[str]) -> bool:
    instance = file.header.instance if file.header else ""
    return file.reason is Reason.TRUNCATED and instance != "" and instance in intact


def _equal(copies: Sequence[File], voxels: Callable[[File], str]) -> bool:
    headers = [copy.header for copy in copies if copy.header is not None]
    return len({content_id(h) for h in headers}) == 1 and len({voxels(copy) for copy in copies}) == 1


def _rank(file: File) -> tuple[bool, bool, str, str]:
    """What a header says decides before where the file lies: names change nothing (law L4)."""
    header = file.header
    assert header is not None
    return header.lossy, header.transfer_syntax not in NATIVE, header.to_json(), file.file_id
