"""Segmentations and structure sets: on whose voxels they lie, and what their regions are called outside."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.archive import vocabulary
from pipeline.archive.anatomy import ANATOMY, BY_CODE, KINDS, LEFT, RIGHT
from pipeline.archive.formats.annotation import ANNOTATIONS, RTSTRUCT, Annotation, Region
from pipeline.archive.formats.placement import fits
from pipeline.archive.index import File
from pipeline.archive.vault import Vault
from pipeline.grid import Grid
from pipeline.structure import Structure

Label = tuple[str, File]

_SIDES = {LEFT: "left", RIGHT: "right"}
_CATEGORIES = frozenset(
    ("91723000", "123037004", "85756007", "91720002", "260787004", "49755003", "246464006", "309825002", "105590001")
)
"""DICOM PS3.16 CID 7150."""


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
    for file in sorted(
        annotations, key=lambda f: (_word(f) != "seg", f.header.instance if f.header else "", f.file_id)
    ):
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


def structures(annotation: Annotation, values: Iterable[int], vault: Vault) -> tuple[Structure, ...]:
    """What the values of a label map mean, in terms that may leave: of a closed vocabulary, else ``other-<token>``.

    A code counts before a name, a name before the interpreted type of a region of interest.  Several of one name are
    numbered, in the order of all regions of the annotation: ``tissue``, ``tissue 2``.
    """
    seen: Counter[str] = Counter()
    found = {}
    for region in annotation.regions:
        name = _published(region, vault)
        seen[name] += 1
        anatomy = ANATOMY.get(name)
        found[region.number] = Structure(
            region.number,
            name if seen[name] == 1 else f"{name} {seen[name]}",
            anatomy.code if anatomy else None,
            anatomy.meaning if anatomy else None,
            **({"category": region.category} if region.category in _CATEGORIES else {}),
        )
    return tuple(found[value] for value in sorted(values))


def _published(region: Region, vault: Vault) -> str:
    if region.code in BY_CODE:
        name, side = BY_CODE[region.code], _SIDES.get(region.side)
        return f"{side} {name}" if f"{side} {name}" in ANATOMY else name
    known = vocabulary.STRUCTURE.term(region.name) or KINDS.get(region.kind)
    return known or vocabulary.STRUCTURE.published(region.name, vault) or f"region {region.number}"


def _said(file: File) -> Annotation:
    assert file.header is not None
    return file.header.annotation or Annotation()


def _order(file: File) -> tuple[bool, str, str]:
    return _word(file) != "seg", file.header.instance if file.header else "", file.file_id


def _word(file: File) -> str:
    return "rtstruct" if file.header is not None and file.header.sop_class == RTSTRUCT else "seg"
