"""The label maps of segmentations and structure sets, and what their values mean outside the hospital."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipeline.archive import vocabulary
from pipeline.archive.anatomy import ANATOMY, BY_CODE, KINDS, LEFT, RIGHT
from pipeline.archive.formats.annotation import Annotation, Region
from pipeline.archive.formats.child import Child
from pipeline.archive.index import File
from pipeline.archive.vault import Vault
from pipeline.grid import Grid
from pipeline.structure import Structure
from pipeline.volume import Volume

_SIDES = {LEFT: "left", RIGHT: "right"}
_CATEGORIES = frozenset(
    ("91723000", "123037004", "85756007", "91720002", "260787004", "49755003", "246464006", "309825002", "105590001")
)
"""DICOM PS3.16 CID 7150."""


class LabelMap(NamedTuple):
    """Labels on the grid of their image, and what those that occur mean."""

    volume: Volume
    structures: tuple[Structure, ...] = ()


def draw(file: File, grid: Grid, vault: Vault, child: Child) -> Iterator[LabelMap]:
    """The label maps of one annotation: several where its regions overlap.

    Raises Quarantine: CHANGED where the file is not what it was when it was scanned, or what drawing came to.
    """
    header = file.header
    if header is None or header.annotation is None:
        raise ValueError("only a segmentation or a structure set can be drawn")
    maps, values = child.drawn(file.place, header, grid, (file.size, file.mtime_ns))
    for one, inside in zip(maps, values, strict=True):
        yield LabelMap(Volume(one, grid, "labels"), structures(header.annotation, inside, vault))


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
