"""Why a DICOM object that was understood is not converted."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.uid import UID

from pipeline.archive.formats.header import Frame, Header
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.syntax import READABLE
from pipeline.reasons import Reason

_CLASSES = {
    "1.2.840.10008.1.3.10": Reason.DICOMDIR,
    "1.2.840.10008.5.1.4.1.1.481.2": Reason.RTDOSE,
    "1.2.840.10008.5.1.4.1.1.481.3": Reason.RTSTRUCT,
    "1.2.840.10008.5.1.4.1.1.66.4": Reason.SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.66.7": Reason.SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.7": Reason.SECONDARY_CAPTURE,
    **{f"1.2.840.10008.5.1.4.1.1.7.{n}": Reason.SECONDARY_CAPTURE for n in range(1, 5)},
}
"""SOP classes of DICOM PS3.4 B.5 that are never acquisitions."""

_FLAVOURS = {
    **dict.fromkeys(("LOCALIZER", "REF_SURVIEW", "REF_SURVEY"), Reason.LOCALIZER),
    **dict.fromkeys(("PROJECTION IMAGE", "PROJECTION", "MIP", "MINIP", "MAX_IP", "MIN_IP"), Reason.PROJECTION),
}
"""Value 3 of Image Type: DICOM PS3.3 C.8.2.1.1.1, C.8.3.1.1.1; and what vendors write there."""

_CALCULATIONS = dict.fromkeys(("MAX_IP", "MIN_IP", "VOLUME_RENDER", "SURFACE_RENDER"), Reason.PROJECTION)
"""Volume Based Calculation Technique of an enhanced object: DICOM PS3.3 C.8.16.2.1.3."""

_ALLOCATED = {False: (1, 8, 16, 32, 64), True: (32, 64)}


def refusal(header: Header, limits: Limits, *, has_pixels: bool, damage: Reason | None) -> Reason | None:
    """The first reason that applies, from what the object is down to what its bytes are.

    ``damage`` is what is wrong with the bytes (TRUNCATED, UNREADABLE); it comes last, so that a broken
    file that would never have been converted does not spoil its series.
    """
    if header.sop_class in _CLASSES:
        return _CLASSES[header.sop_class]
    if not has_pixels:
        return damage or _without_pixels(header)
    aside = flavour(header) or _of_all(header.frames)
    if aside:
        return aside
    if header.samples != 1 or header.photometric not in ("MONOCHROME1", "MONOCHROME2", ""):
        return Reason.COLOR
    if not limits.allow(header):
        return Reason.BOMB_DECLARED
    if header.shape[0] > 1 and not any(frame.position for frame in header.frames):
        return Reason.MULTIFRAME
    if not _describes_pixels(header):
        return Reason.UNREADABLE
    if header.transfer_syntax not in READABLE:
        return Reason.UNSUPPORTED_TS
    return damage


def flavour(image: Header | Frame) -> Reason | None:
    """Why an image, or a frame, is no part of a volume, by what it says it is; None where it may be one."""
    value = image.image_type[2].upper() if len(image.image_type) > 2 else ""
    return _FLAVOURS.get(value) or _CALCULATIONS.get(image.calculation)


def _of_all(frames: Sequence[Frame]) -> Reason | None:
    """Why an object is no volume of which every frame is no part of one."""
    aside = [flavour(frame) for frame in frames]
    return aside[0] if aside and all(aside) else None


def _without_pixels(header: Header) -> Reason:
    """A report has no pixels; an image that has none was cut short, and a hole is never skipped over."""
    is_image = UID(header.sop_class).name.endswith("Image Storage") or 0 not in header.shape
    return Reason.TRUNCATED if is_image else Reason.NO_PIXELS


def _describes_pixels(header: Header) -> bool:
    """DICOM PS3.5 8.1.1: 0 < BitsStored <= BitsAllocated, HighBit within, a size above 0."""
    if min(header.shape) < 1 or header.bits_allocated not in _ALLOCATED[header.floating]:
        return False
    if header.floating:
        return True
    return 0 < header.bits_stored <= header.high_bit + 1 <= header.bits_allocated
