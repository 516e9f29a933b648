"""Radiotherapy structure sets (DICOM PS3.3 A.19, C.8.8.5, C.8.8.6): closed contours as label maps on a grid.

Runs in the child process.  A contour fills voxels of the slice that it lies in and of no other: nothing is put between
the slices that were outlined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import BinaryIO, NamedTuple

import numpy as np

from pipeline.archive.formats import tags
from pipeline.archive.formats.annotation import Annotation, Point, Region
from pipeline.archive.formats.coded import CODE, concept
from pipeline.archive.formats.dataset import Wanted, begin
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.layers import Drawn, Layers, Patch
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.placement import ASIDE, indices, slice_at
from pipeline.errors import Quarantine
from pipeline.grid import Grid
from pipeline.kernels.contours import fill
from pipeline.reasons import Reason

_REFERENCED_INSTANCE = 0x00081155
_REFERENCED_FRAMES = 0x30060010
_STUDIES = 0x30060012
_SERIES = 0x30060014
_IMAGES = 0x30060016
_ROIS = 0x30060020
_NUMBER = 0x30060022
_FRAME = 0x30060024
_NAME = 0x30060026
_ROI_CONTOURS = 0x30060039
_CONTOURS = 0x30060040
_GEOMETRY = 0x30060042
_OFFSET = 0x30060045
_COUNT = 0x30060046
_DATA = 0x30060050
_OBSERVATIONS = 0x30060080
_OF_ROI = 0x30060084
_IDENTIFICATION = 0x30060086
_INTERPRETED = 0x300600A4

_INSTANCES: Wanted = {_REFERENCED_INSTANCE: None}
_WANTED: Wanted = {
    _REFERENCED_FRAMES: {_STUDIES: {_SERIES: {tags.SERIES: None, _IMAGES: _INSTANCES}}},
    _ROIS: dict.fromkeys((_NUMBER, _FRAME, _NAME)),
    _ROI_CONTOURS: {
        _OF_ROI: None,
        _CONTOURS: {**dict.fromkeys((_GEOMETRY, _OFFSET, _COUNT, _DATA)), _IMAGES: _INSTANCES},
    },
    _OBSERVATIONS: {_OF_ROI: None, _INTERPRETED: None, _IDENTIFICATION: CODE},
}

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
"""Contour Geometric Types that enclose something: DICOM PS3.3 C.8.8.6.1.  Points and open lines are left out."""

MOST_POINTS = 20_000_000
"""Of all contours of a structure set; a large clinical one has a million."""

_FAR_MM = 1e6
"""A point must lie nearer to the origin than this, along every axis: no room is a kilometre wide."""

_APART = 0.05
"""Contours nearer than this along k, in slices, lie in one plane, and cut holes into one another."""


class _Roi(NamedTuple):
    """A region with its contours, each (n, 3) in LPS mm, and the instances that they name."""

    region: Region
    frame: str
    contours: tuple[np.ndarray, ...]
    images: tuple[str, ...]


def described(file: BinaryIO, header: Header, limits: Limits) -> Header:
    """The header with an annotation, and with the frame of reference of the contours.

    Raises Quarantine: UNREADABLE where contours cannot be understood, BOMB_DECLARED for more than ``MOST_POINTS``,
    MIXED_FRAME where regions lie in several frames of reference, NO_REGIONS where there is no closed contour.  Also
    what ``dataset.begin`` raises.
    """
    facts = _facts(file, limits)
    rois = _rois(facts)
    if not rois:
        raise Quarantine(Reason.NO_REGIONS)
    frames = {roi.frame for roi in rois}
    if len(frames) > 1:
        raise Quarantine(Reason.MIXED_FRAME)
    contours = [contour for roi in rois for contour in roi.contours]
    normal = _normal(contours)
    offsets = [contour @ normal for contour in contours]
    planes = {round(float(o.mean()), 2): contour[0] for o, contour in zip(offsets, contours, strict=True)}
    series, listed = _referenced(facts)
    named = {image for roi in rois for image in roi.images}
    annotation = Annotation(
        series=tuple(sorted(series)),
        instances=tuple(sorted(named or listed)),
        regions=tuple(roi.region for roi in rois),
        planes=tuple(_point(planes[at]) for at in sorted(planes)),
        normal=_point(normal),
        depth_mm=max(float(np.ptp(o)) for o in offsets),
        extent_mm=2 * max(float(np.linalg.norm(c - c.mean(axis=0), axis=1).max()) for c in contours),
    )
    return replace(header, frame_of_reference=frames.pop() or header.frame_of_reference, annotation=annotation)


def drawn(file: BinaryIO, grid: Grid, limits: Limits) -> Drawn:
    """Its regions as label maps on ``grid``: voxels whose centres lie inside (``kernels.contours``), as numbered there.

    A contour falls into the slice nearest to it, and where it lies across that does not move it along.  Those in one
    plane are taken together by the even-odd rule; those of several planes that fall into one slice are united.  What
    falls beyond the grid is left out.

    Raises Quarantine(ORPHAN_LABELS) where a contour does not lie along the slices.
    """
    rois = _rois(_facts(file, limits))
    layers = Layers(grid.shape, len(rois))
    for roi in rois:
        layers.add(roi.region.number, list(_patches(roi.contours, grid)))
    return layers.drawn()


def _patches(contours: Sequence[np.ndarray], grid: Grid) -> Iterator[Patch]:
    depth, *shape = grid.shape
    lying = []
    for at in (indices(grid, contour) for contour in contours):
        low, high = float(at[:, 0].min()), float(at[:, 0].max())
        k = (low + high) / 2
        if not 0 <= slice_at(k) < depth:
            continue
        if high - low > ASIDE:
            raise Quarantine(Reason.ORPHAN_LABELS)
        lying.append((k, at[:, 1:]))
    lying.sort(key=lambda one: one[0])
    breaks = np.cumsum([0, *(b - a > _APART for (a, _), (b, _) in pairwise(lying))])
    for _, plane in groupby(zip(breaks.tolist(), lying, strict=False), key=lambda one: one[0]):
        one = [lain for _, lain in plane]
        (j, i), mask = fill([contour for _, contour in one], (shape[0], shape[1]))
        yield Patch((slice_at(one[0][0]), j, i), mask)


def _normal(contours: Sequence[np.ndarray]) -> np.ndarray:
    """Unit vector across the contour of the largest area, by Newell's method (Sutherland et al., 1974)."""
    areas = [np.cross(c, np.roll(c, -1, axis=0)).sum(axis=0) for c in (c - c[0] for c in contours)]
    largest = max(areas, key=lambda area: float(np.linalg.norm(area)))
    length = float(np.linalg.norm(largest))
    if length == 0:
        raise Quarantine(Reason.NO_REGIONS)
    unit: np.ndarray = largest / length
    return unit


def _facts(file: BinaryIO, limits: Limits) -> Elements:
    """Raises Quarantine(TRUNCATED) where the file does not end where an element does."""
    _, reader = begin(file, limits.memory_bytes // 4)
    found: dict[int, object] = {}
    if reader.top(_WANTED, {}, tags.PIXELS, found) is None and not reader.at_end():
        raise Quarantine(Reason.TRUNCATED)
    return Elements(found)


def _rois(facts: Elements) -> list[_Roi]:
    """Regions with closed contours in the order of ROI Number, numbered from 1."""
    stated = {item.whole(_NUMBER): item for item in facts.items(_ROIS)}
    observed = {item.whole(_OF_ROI): item for item in facts.items(_OBSERVATIONS)}
    found: dict[int, list[Elements]] = {}
    for item in facts.items(_ROI_CONTOURS):
        number = item.whole(_OF_ROI)
        if number is None or number not in stated:
            raise Quarantine(Reason.UNREADABLE)
        closed = [contour for contour in item.items(_CONTOURS) if contour.text(_GEOMETRY) in _CLOSED]
        found.setdefault(number, []).extend(closed)
    rois: list[_Roi] = []
    points = 0
    for number in sorted(number for number, contours in found.items() if contours):
        points += sum(contour.whole(_COUNT) or 0 for contour in found[number])
        if points > MOST_POINTS:
            raise Quarantine(Reason.BOMB_DECLARED)
        region = _region(len(rois) + 1, stated[number], observed.get(number, Elements({})))
        images = [image for contour in found[number] for image in contour.items(_IMAGES)]
        named = {image.text(_REFERENCED_INSTANCE) for image in images} - {""}
        contours = tuple(map(_points, found[number]))
        rois.append(_Roi(region, stated[number].text(_FRAME), contours, tuple(sorted(named))))
    return rois


def _region(number: int, stated: Elements, observed: Elements) -> Region:
    code = concept(observed, _IDENTIFICATION)
    return Region(number, stated.text(_NAME), code, kind=observed.text(_INTERPRETED))


def _points(contour: Elements) -> np.ndarray:
    """(n, 3) LPS mm.  Raises Quarantine(UNREADABLE) where there are not as many as stated, or they are shifted."""
    count = contour.whole(_COUNT)
    numbers = contour.decimals(_DATA, 3 * count) if count is not None and count > 0 else None
    offset = contour.decimals(_OFFSET, 3) if _OFFSET in contour else (0.0, 0.0, 0.0)
    if numbers is None or offset is None or any(offset):
        raise Quarantine(Reason.UNREADABLE)
    points = np.array(numbers).reshape(-1, 3)
    if not np.abs(points).max() < _FAR_MM:
        raise Quarantine(Reason.UNREADABLE)
    return points


def _referenced(facts: Elements) -> tuple[set[str], set[str]]:
    """Series and instances that the structure set as a whole names."""
    studies = [study for frame in facts.items(_REFERENCED_FRAMES) for study in frame.items(_STUDIES)]
    series = [one for study in studies for one in study.items(_SERIES)]
    images = {image.text(_REFERENCED_INSTANCE) for one in series for image in one.items(_IMAGES)}
    return {one.text(tags.SERIES) for one in series} - {""}, images - {""}


def _point(values: np.ndarray) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
