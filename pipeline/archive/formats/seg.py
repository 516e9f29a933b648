"""What a DICOM segmentation says: PS3.3 A.51, C.8.20.  Runs in the child process."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO, Literal, NamedTuple

from pipeline.archive.formats import tags
from pipeline.archive.formats.annotation import Annotation, Point, Region
from pipeline.archive.formats.coded import CODE, concept
from pipeline.archive.formats.damage import encapsulated_damage, native_damage
from pipeline.archive.formats.dataset import Wanted, begin
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import NATIVE, Header
from pipeline.archive.formats.limits import Limits, declared
from pipeline.archive.formats.syntax import DEFLATED, EXPLICIT_BIG, READABLE
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_REFERENCED_SERIES = 0x00081115
_REFERENCED_INSTANCES = 0x0008114A
_REFERENCED_INSTANCE = 0x00081155
_SOURCE_IMAGES = 0x00082112
_DERIVATIONS = 0x00089124
_POSITIONS = 0x00209113
_ORIENTATIONS = 0x00209116
_MEASURES = 0x00289110
_TYPE = 0x00620001
_SEGMENTS = 0x00620002
_CATEGORY = 0x00620003
_NUMBER = 0x00620004
_LABEL = 0x00620005
_IDENTIFICATION = 0x0062000A
_OF_SEGMENT = 0x0062000B
_MOST_FRACTION = 0x0062000E
_PROPERTY = 0x0062000F
_MODIFIER = 0x00620011

_GROUPS: Wanted = {
    _DERIVATIONS: {_SOURCE_IMAGES: {_REFERENCED_INSTANCE: None}},
    _POSITIONS: {tags.POSITION: None},
    _ORIENTATIONS: {tags.ORIENTATION: None},
    _MEASURES: {tags.PIXEL_SPACING: None},
    _IDENTIFICATION: {_OF_SEGMENT: None},
}
_WANTED: Wanted = {
    _REFERENCED_SERIES: {tags.SERIES: None, _REFERENCED_INSTANCES: {_REFERENCED_INSTANCE: None}},
    _TYPE: None,
    _SEGMENTS: {
        _NUMBER: None,
        _LABEL: None,
        _CATEGORY: CODE,
        _PROPERTY: {**CODE, _MODIFIER: CODE},
    },
    _MOST_FRACTION: None,
    tags.SHARED_GROUPS: _GROUPS,
    tags.FRAME_GROUPS: _GROUPS,
}

_NONE = Elements({})

Kind = Literal["BINARY", "FRACTIONAL", "LABELMAP"]

_BITS: dict[Kind, tuple[int, ...]] = {"BINARY": (1,), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}
"""Bits allocated: DICOM PS3.3 C.8.20.2.3."""


class Frame(NamedTuple):
    """What a frame says; ``segment`` is None of a label map, whose voxels name theirs."""

    segment: int | None
    position: Point
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    sources: tuple[str, ...]


class Content(NamedTuple):
    """What a segmentation says.

    ``most`` is Maximum Fractional Value (0062,000E).  ``pixels`` are where its native or inflated pixel data begin, in
    which file, and None where they are encapsulated.
    """

    kind: Kind
    regions: tuple[Region, ...]
    series: tuple[str, ...]
    instances: tuple[str, ...]
    frames: tuple[Frame, ...]
    most: int
    pixels: tuple[BinaryIO, int] | None


def described(file: BinaryIO, header: Header, limits: Limits) -> Header:
    """The header with an annotation, and with the orientation and spacing that all frames share.

    Raises Quarantine: BOMB_DECLARED, UNSUPPORTED_TS, UNREADABLE, TRUNCATED; ORPHAN_LABELS where frames say no place or
    are not parallel, since no volume is such; NO_REGIONS where there is none.  Also what ``dataset.begin`` raises.
    """
    if not limits.allow(header) or header.shape[0] > limits.frames:
        raise Quarantine(Reason.BOMB_DECLARED)
    content = content_of(file, header, limits)
    if header.transfer_syntax not in READABLE - {EXPLICIT_BIG}:
        raise Quarantine(Reason.UNSUPPORTED_TS)
    if header.bits_allocated not in _BITS[content.kind] or header.samples != 1:
        raise Quarantine(Reason.UNREADABLE)
    if header.bits_allocated == 1 and header.transfer_syntax not in (*NATIVE, DEFLATED):
        raise Quarantine(Reason.UNSUPPORTED_TS)
    if not content.regions or not content.frames:
        raise Quarantine(Reason.NO_REGIONS)
    lies = {(frame.orientation, frame.spacing) for frame in content.frames}
    if len(lies) > 1:
        raise Quarantine(Reason.ORPHAN_LABELS)
    orientation, spacing = lies.pop()
    annotation = Annotation(
        series=content.series,
        instances=content.instances,
        regions=content.regions,
        planes=tuple(sorted({frame.position for frame in content.frames})),
    )
    return replace(
        header,
        orientation=orientation,  # type: ignore[arg-type]  # six numbers, as asked
        spacing=spacing,  # type: ignore[arg-type]
        spacing_source="pixel",
        frames=(),
        annotation=annotation,
    )


def content_of(file: BinaryIO, header: Header, limits: Limits) -> Content:
    """Raises as ``described``."""
    _, reader = begin(file, limits.memory_bytes // 4)
    found: dict[int, object] = {}
    element = reader.top(_WANTED, {}, tags.PIXELS, found)
    if element is None:
        raise Quarantine(Reason.TRUNCATED)
    facts = Elements(found)
    kind = facts.text(_TYPE)
    shared = facts.item(tags.SHARED_GROUPS) or _NONE
    items = facts.items(tags.FRAME_GROUPS)
    if kind not in _BITS or len(items) != header.shape[0]:
        raise Quarantine(Reason.UNREADABLE)
    at, damage = reader.file.tell(), None
    is_plain = header.transfer_syntax in (*NATIVE, DEFLATED)
    if is_plain:
        damage = native_damage(element[2], declared(header), reader.size() - at)
    else:
        damage = encapsulated_damage(reader.file, at, element[2], reader.size())
    if damage is not None:
        raise Quarantine(damage)
    # A label map may describe its background, as 0.
    regions = tuple(r for r in sorted(map(_region, facts.items(_SEGMENTS))) if r.number or kind != "LABELMAP")
    numbers = {region.number for region in regions}
    most = facts.binary(_MOST_FRACTION)
    if len(numbers) != len(regions) or 0 in numbers or (kind == "FRACTIONAL" and not most):
        raise Quarantine(Reason.UNREADABLE)
    frames = tuple(_frame(item, shared, labelmap=kind == "LABELMAP") for item in items)
    if any(frame.segment not in numbers for frame in frames if frame.segment is not None):
        raise Quarantine(Reason.UNREADABLE)
    referenced = facts.items(_REFERENCED_SERIES)
    instances = {i.text(_REFERENCED_INSTANCE) for item in referenced for i in item.items(_REFERENCED_INSTANCES)}
    instances |= {source for frame in frames for source in frame.sources}
    return Content(
        kind,
        regions,
        tuple(sorted({item.text(tags.SERIES) for item in referenced} - {""})),
        tuple(sorted(instances - {""})),
        frames,
        most or 1,
        (reader.file, at) if is_plain else None,
    )


def _region(item: Elements) -> Region:
    """Raises Quarantine(UNREADABLE) for a segment without a number."""
    number = item.binary(_NUMBER)
    if number is None:
        raise Quarantine(Reason.UNREADABLE)
    return Region(
        number=number,
        name=item.text(_LABEL),
        code=concept(item, _PROPERTY),
        category=concept(item, _CATEGORY),
        side=concept(item.item(_PROPERTY) or _NONE, _MODIFIER),
    )


def _frame(item: Elements, shared: Elements, *, labelmap: bool) -> Frame:
    """What a frame says, or all of them together: DICOM PS3.3 C.7.6.16."""

    def group(tag: int) -> Elements:
        return item.item(tag) or shared.item(tag) or _NONE

    position = group(_POSITIONS).decimals(tags.POSITION, 3)
    orientation = group(_ORIENTATIONS).decimals(tags.ORIENTATION, 6)
    spacing = group(_MEASURES).decimals(tags.PIXEL_SPACING, 2)
    if position is None or orientation is None or spacing is None:
        raise Quarantine(Reason.ORPHAN_LABELS)
    segment = None if labelmap else group(_IDENTIFICATION).binary(_OF_SEGMENT)
    if segment is None and not labelmap:
        raise Quarantine(Reason.UNREADABLE)
    images = [i for derived in item.items(_DERIVATIONS) for i in derived.items(_SOURCE_IMAGES)]
    sources = tuple(i.text(_REFERENCED_INSTANCE) for i in images)
    return Frame(segment, (position[0], position[1], position[2]), orientation, spacing, sources)
