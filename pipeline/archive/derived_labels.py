"""Segmentations and structure sets: on whose voxels they lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pipeline.archive.formats.annotation import ANNOTATIONS, RTSTRUCT, Annotation
from pipeline.archive.formats.header import NATIVE, Header
from pipeline.archive.formats.placement import fits
from pipeline.archive.formats.syntax import DEFLATED
from pipeline.archive.index import File
from pipeline.grid import Grid
from pipeline.reasons import Reason

Label = tuple[str, File]

DRAWABLE = frozenset({Reason.SEGMENTATION, Reason.RTSTRUCT})
"""What keeps one from being an image, and no more: one with another reason cannot be drawn."""


class Target(NamedTuple):
    """A volume that labels may lie on.

    ``instances`` are the SOP Instance UIDs of its images.
    """

    series: str
    frame_of_reference: str
    instances: frozenset[str]
    grid: Grid


def is_annotation(file: File) -> bool:
    """Whether it is a segmentation or a structure set, be it one that can be drawn or a broken one."""
    return file.header is not None and file.header.sop_class in ANNOTATIONS


def is_encapsulated(file: File) -> bool:
    """Whether it is a segmentation whose frames take a decoder."""
    header = _header(file)
    return header.sop_class != RTSTRUCT and header.transfer_syntax not in (*NATIVE, DEFLATED)


@dataclass(frozen=True)
class Annotations:
    """Those that a scan met and that can be drawn.

    Attributes
    ----------
    refers : UID -> file_ids of those that refer to it: of the series, where they name one, else of instances
    refused : file_id -> DUPLICATE_SOP of all copies but one; DUPLICATE_SOP_CONFLICT of copies that differ, all of them
    """

    refers: Mapping[str, Sequence[str]]
    refused: Mapping[str, Reason]

    @classmethod
    def of(cls, files: Iterable[File], digest: Callable[[File], str]) -> Annotations:
        """``digest`` gives the sha256 of a file's bytes; it is asked for copies of one SOP Instance UID only."""
        refers: dict[str, list[str]] = defaultdict(list)
        copies: dict[str, list[File]] = defaultdict(list)
        refused: dict[str, Reason] = {}
        for file in files:
            said, header = _said(file), _header(file)
            for uid in said.series or said.instances:
                refers[uid].append(file.file_id)
            copies[header.instance or file.file_id].append(replace(file, header=None))
        for alike in copies.values():
            if len(alike) > 1 and len(set(map(digest, alike))) > 1:
                refused |= {one.file_id: Reason.DUPLICATE_SOP_CONFLICT for one in alike}
            else:
                refused |= {one.file_id: Reason.DUPLICATE_SOP for one in alike[1:]}
        return cls(refers, refused)

    def link(self, volumes: Sequence[Target | None], found: Callable[[str], File | None]) -> list[list[Label]]:
        """``link`` for those that refer to one of the volumes of a series; None stands for no volume."""
        uids = {uid for one in volumes if one is not None for uid in (one.series, *one.instances)}
        names = {name for uid in uids for name in self.refers.get(uid, ()) if name not in self.refused}
        return link(volumes, [file for file in map(found, sorted(names)) if file is not None])


def link(volumes: Sequence[Target | None], annotations: Iterable[File]) -> list[list[Label]]:
    """For each volume of one series the annotations that lie on it: ``seg``, ``rtstruct``, by SOP Instance UID.

    An annotation belongs to the volumes whose instances it names; where it names none of any, to those of a series and
    a frame of reference that it names.  Of these it lies on the ones that it fits (``placement.fits``): on several,
    where a series was cut into runs.
    """
    linked: list[list[Label]] = [[] for _ in volumes]
    known = [(n, volume) for n, volume in enumerate(volumes) if volume is not None]
    for file in sorted(annotations, key=_order):
        said, header = _said(file), _header(file)
        own = [(n, volume) for n, volume in known if not volume.instances.isdisjoint(said.instances)]
        own = own or [
            (n, volume)
            for n, volume in known
            if volume.series in said.series and volume.frame_of_reference == header.frame_of_reference != ""
        ]
        for n, volume in own:
            if fits(volume.grid, header):
                linked[n].append((_word(file), file))
    return linked


def _header(file: File) -> Header:
    assert file.header is not None
    return file.header


def _said(file: File) -> Annotation:
    return _header(file).annotation or Annotation()


def _order(file: File) -> tuple[bool, str, str]:
    return _word(file) != "seg", _header(file).instance, file.file_id


def _word(file: File) -> str:
    return "rtstruct" if _header(file).sop_class == RTSTRUCT else "seg"
