"""DICOM segmentations (PS3.3 A.51, C.8.20): what they say of images, and their frames as label maps on a grid.

Runs in the child process.  Nothing is resampled: a frame whose voxels are not those of the grid belongs to another
image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
import pydicom
from pydicom.filereader import read_partial

from pipeline.archive.formats import tags
from pipeline.archive.formats.annotation import Annotation, Point, Region
from pipeline.archive.formats.coded import concept
from pipeline.archive.formats.damage import check_inflated_size
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import NATIVE, Header
from pipeline.archive.formats.layers import Drawn, Layers, Patch
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.placement import frame_start
from pipeline.archive.formats.syntax import DEFLATED, EXPLICIT_BIG, READABLE
from pipeline.errors import Quarantine
from pipeline.grid import Grid, Triple
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
_SHARED = 0x52009229
_PER_FRAME = 0x52009230

_WANTED = [
    *(_REFERENCED_SERIES, _TYPE, _SEGMENTS, _MOST_FRACTION, _SHARED, _PER_FRAME),
    *(tags.ORIENTATION, tags.POSITION, tags.PIXEL_SPACING),
]

Kind = Literal["BINARY", "FRACTIONAL", "LABELMAP"]

_BITS: dict[Kind, tuple[int, ...]] = {"BINARY": (1,), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}
"""Bits allocated: DICOM PS3.3 C.8.20.2.3."""


class _Frame(NamedTuple):
    """``segment`` is None of a label map, whose voxels name theirs."""

    segment: int | None
    position: Point
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    sources: tuple[str, ...]


class _Content(NamedTuple):
    kind: Kind
    regions: tuple[Region, ...]
    series: tuple[str, ...]
    instances: tuple[str, ...]
    frames: tuple[_Frame, ...]
    most: int


def described(file: BinaryIO, header: Header, limits: Limits) -> Header:
    """The header with an annotation, and with the orientation and spacing that all frames share.

    Raises Quarantine: BOMB_DECLARED, UNSUPPORTED_TS, UNREADABLE, TRUNCATED; ORPHAN_LABELS where frames say no place or
    are not parallel, since no volume is such; NO_REGIONS where there is none.  Also whatever pydicom raises.
    """
    if not limits.allow(header):
        raise Quarantine(Reason.BOMB_DECLARED)
    check_inflated_size(file, limits.memory_bytes // 4)
    content = _content(file, header)
    if header.transfer_syntax not in READABLE - {EXPLICIT_BIG}:
        raise Quarantine(Reason.UNSUPPORTED_TS)
    if header.bits_allocated not in _BITS[content.kind] or header.samples != 1:
        raise Quarantine(Reason.UNREADABLE)
    if header.transfer_syntax in NATIVE and header.pixel_offset is None:
        raise Quarantine(Reason.TRUNCATED)
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


def drawn(file: BinaryIO, header: Header, grid: Grid) -> Drawn:
    """Its segments as label maps on ``grid``, voxel for voxel; label values are segment numbers.

    A voxel of a FRACTIONAL segmentation belongs to a segment from half of its Maximum Fractional Value (0062,000E) on.
    Frames that are left out are empty; frames on slices that the grid has not are left out.

    Raises Quarantine: what the decoder came to; ORPHAN_LABELS where a frame is not on the voxels of the grid.
    """
    content = _content(file, header)
    starts = {position: frame_start(grid, header, position) for position in {f.position for f in content.frames}}
    if None in starts.values():
        raise Quarantine(Reason.ORPHAN_LABELS)
    frames = [(n, start) for n, f in enumerate(content.frames) if (start := starts[f.position]) is not None]
    frames = [(n, start) for n, start in frames if 0 <= start[0] < grid.shape[0]]
    stored = _stored(file, header)
    layers = Layers(grid.shape, content.regions[-1].number)
    named = _named(frames, stored, header) if content.kind == "LABELMAP" else {}
    if not named.keys() <= {region.number for region in content.regions}:
        raise Quarantine(Reason.DECODE_FAIL)
    for region in content.regions:
        own = [(n, start) for n, start in frames if content.frames[n].segment == region.number]
        patches = [Patch(start, _mask(stored(n), content)) for n, start in own]
        layers.add(region.number, patches + named.pop(region.number, []))
    return layers.drawn()


def _mask(stored: np.ndarray, content: _Content) -> np.ndarray:
    """Of a frame of one segment: uint8 of 0 and 1."""
    if content.kind == "BINARY":
        return stored
    return (2 * stored.astype(np.int32) >= content.most).view(np.uint8)


def _named(
    frames: Sequence[tuple[int, Triple]], stored: Callable[[int], np.ndarray], header: Header
) -> dict[int, list[Patch]]:
    """What the frames of a label map hold, each segment in a box that is no larger than it."""
    found: dict[int, list[Patch]] = defaultdict(list)
    for n, (k, j, i) in frames:
        voxels = stored(n)
        for number in np.unique(voxels).tolist():
            if number in (0, header.padding):
                continue
            mask = voxels == number
            (top, bottom), (left, right) = (np.flatnonzero(mask.any(axis))[[0, -1]].tolist() for axis in (1, 0))
            cut = np.ascontiguousarray(mask[top : bottom + 1, left : right + 1]).view(np.uint8)
            found[number].append(Patch((k, j + top, i + left), cut))
    return found


def _stored(file: BinaryIO, header: Header) -> Callable[[int], np.ndarray]:
    """Stored values [j, i] of the n-th frame.  Frames of one bit a voxel are not padded to whole bytes: PS3.5 8.1.1."""
    _, rows, columns = header.shape
    if header.transfer_syntax not in (*NATIVE, DEFLATED):
        from pipeline.archive.formats import decode  # its libraries take their time to import

        whole = decode.voxels(file, header)
        return lambda n: whole[n]
    if header.pixel_offset is not None:
        source: BinaryIO = file
        begin = header.pixel_offset
    else:
        # pydicom inflates all at once; how much that is, the scan has looked at.
        file.seek(0)
        begin, source = 0, BytesIO(pydicom.dcmread(file, force=True).PixelData)
    bits = rows * columns * header.bits_allocated

    def frame(n: int) -> np.ndarray:
        first, last = n * bits // 8, -(-(n + 1) * bits // 8)
        source.seek(begin + first)
        raw = source.read(last - first)
        if len(raw) != last - first:
            raise Quarantine(Reason.TRUNCATED)
        if header.bits_allocated == 1:
            voxels = np.unpackbits(np.frombuffer(raw, "u1"), bitorder="little")[n * bits % 8 :][:bits]
        else:
            voxels = np.frombuffer(raw, f"<u{header.bits_allocated // 8}")
        return voxels.reshape(rows, columns)

    return frame


def _content(file: BinaryIO, header: Header) -> _Content:
    file.seek(0)
    dataset = read_partial(file, lambda tag, _vr, _length: tag in tags.PIXELS, force=True, specific_tags=list(_WANTED))
    facts = Elements.of(dataset)
    kind = facts.text(_TYPE)
    shared = next(iter(facts.items(_SHARED)), Elements({}))
    items = facts.items(_PER_FRAME)
    if kind not in _BITS or len(items) != header.shape[0]:
        raise Quarantine(Reason.UNREADABLE)
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
    return _Content(
        kind,
        regions,
        tuple(sorted({item.text(tags.SERIES) for item in referenced} - {""})),
        tuple(sorted(instances - {""})),
        frames,
        most or 1,
    )


def _region(item: Elements) -> Region:
    """Raises Quarantine(UNREADABLE) for a segment without a number."""
    number = item.binary(_NUMBER)
    if number is None:
        raise Quarantine(Reason.UNREADABLE)
    kind = next(iter(item.items(_PROPERTY)), Elements({}))
    return Region(
        number=number,
        name=item.text(_LABEL),
        code=concept(item, _PROPERTY),
        category=concept(item, _CATEGORY),
        side=concept(kind, _MODIFIER),
    )


def _frame(item: Elements, shared: Elements, *, labelmap: bool) -> _Frame:
    """What a frame says, or all of them together: DICOM PS3.3 C.7.6.16."""

    def group(tag: int) -> Elements:
        return next(iter(item.items(tag) or shared.items(tag)), Elements({}))

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
    return _Frame(segment, (position[0], position[1], position[2]), orientation, spacing, sources)
