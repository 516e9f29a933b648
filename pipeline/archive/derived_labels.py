"""Segmentations and structure sets: on whose voxels they lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.archive.formats.annotation import ANNOTATIONS, RTSTRUCT, Annotation
from pipeline.archive.formats.placement import fits
from pipeline.archive.index import File
from pipeline.grid import Grid

Label = tuple[str, File]


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


def references(annotations: Iterable[File]) -> dict[str, list[str]]:
    """UID -> file_ids of the annotations that refer to it: of the series, where they name one, else of instances."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in annotations:
        said = _said(file)
        for uid in said.series or said.instances:
            found[uid].append(file.file_id)
    return dict(found)


def link(volumes: Sequence[Target], annotations: Iterable[File]) -> list[list[Label]]:
    """For each volume of one series the annotations that lie on it: ``seg``, ``rtstruct``, by SOP Instance UID.

    An annotation belongs to the volumes whose instances it names; where it names none of any, to those of a series and
    a frame of reference that it names.  Of these it lies on the ones that it fits (``placement.fits``): on several,
    where a series was cut into runs.
    """
    linked: list[list[Label]] = [[] for _ in volumes]
    for file in sorted(annotations, key=_order):
        said, header = _said(file), file.header
        assert header is not None
        own = [n for n, volume in enumerate(volumes) if not volume.instances.isdisjoint(said.instances)]
        own = own or [
            n
            for n, volume in enumerate(volumes)
            if volume.series in said.series and volume.frame_of_reference == header.frame_of_reference != ""
        ]
        for n in own:
            if fits(volumes[n].grid, header):
                linked[n].append((_word(file), file))
    return linked


def _said(file: File) -> Annotation:
    assert file.header is not None
    return file.header.annotation or Annotation()


def _order(file: File) -> tuple[bool, str, str]:
    return _word(file) != "seg", file.header.instance if file.header else "", file.file_id


def _word(file: File) -> str:
    return "rtstruct" if file.header is not None and file.header.sop_class == RTSTRUCT else "seg"
