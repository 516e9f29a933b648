"""The header of a DICOM file: its facts, and why it is not converted where it is not."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO, Literal

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from pipeline.archive.formats import tags
from pipeline.archive.formats.damage import UNDEFINED, check_inflated_size, encapsulated_damage, native_damage
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import NATIVE, Header
from pipeline.archive.formats.limits import Limits, bounded, declared
from pipeline.archive.formats.pet import pet
from pipeline.archive.formats.pixels import cut_to_stored, stored_dtype
from pipeline.archive.formats.refusal import refusal
from pipeline.archive.formats.rescale import is_scaling
from pipeline.archive.formats.syntax import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, LOSSY
from pipeline.reasons import Reason
from pipeline.volume import Voi

_WANTED = [Tag(tag) for tag in tags.WANTED]
_HEAD = 1 << 15

SpacingSource = Literal["", "pixel", "imager", "nominal"]


class _Stop:
    """Told of each element before its value is read: where it ends; says stop at the pixel data."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.end = 0
        self.pixels: tuple[int, int, int] | None = None

    def __call__(self, tag: BaseTag, vr: str | None, length: int) -> bool:
        at = self._file.tell()
        self.end = at + length if length != UNDEFINED else -1
        if tag not in tags.PIXELS:
            return False
        self.pixels = int(tag), at, length
        return True


def parse(file: BinaryIO, limits: Limits) -> tuple[Header, Reason | None]:
    """The header of an open file, and the reason for which the file is not converted.

    Raises whatever pydicom raises where the bytes make no data set, and MemoryError for a deflated one of
    more than a quarter of ``limits.memory_bytes``: this runs in a child process, which turns both into
    reasons.
    """
    check_inflated_size(file, limits.memory_bytes // 4)
    size = file.seek(0, os.SEEK_END)
    dataset, stop, element = _read(file, size)
    facts = Elements.of(dataset)
    header = _header(dataset, facts, stop.pixels)
    if stop.pixels is None:
        whole = header.transfer_syntax == DEFLATED or stop.end in (-1, size)
        return header, refusal(header, limits, has_pixels=False, damage=None if whole else Reason.TRUNCATED)
    _, at, length = stop.pixels
    if header.transfer_syntax == DEFLATED:
        damage = native_damage(length, declared(header), length)
    elif header.transfer_syntax in NATIVE:
        damage = native_damage(length, declared(header), size - at)
    else:
        damage = encapsulated_damage(file, at, length, size)
    is_native = header.transfer_syntax in NATIVE and damage is None
    header = replace(
        header,
        padding=_padding(facts, header),
        pixel_offset=at if is_native else None,
        pixel_length=length if is_native else None,
        pixel_element=element.hex() if is_native else "",
    )
    return header, refusal(header, limits, has_pixels=True, damage=_ambiguous(facts) or damage)


def _read(file: BinaryIO, size: int) -> tuple[FileDataset, _Stop, bytes]:
    """The data set up to the pixel data, and the bytes of the element header that stand before those."""
    file.seek(0)
    head = BytesIO(file.read(_HEAD))
    if size > _HEAD:
        # From memory it goes twice as fast, and few headers are longer; a failure here is no failure yet.
        with suppress(Exception):
            dataset, stop, element = _read_from(head)
            if stop.pixels is not None and dataset.file_meta.get("TransferSyntaxUID") != DEFLATED:
                return dataset, stop, element
        file.seek(0)
        return _read_from(file)
    return _read_from(head)


def _read_from(file: BinaryIO) -> tuple[FileDataset, _Stop, bytes]:
    stop = _Stop(file)
    dataset = read_partial(file, stop, force=True, specific_tags=list(_WANTED))
    if stop.pixels is None:
        return dataset, stop, b""
    return dataset, stop, file.read(max(0, stop.pixels[1] - file.tell()))


def _header(dataset: FileDataset, facts: Elements, pixels: tuple[int, int, int] | None) -> Header:
    syntax = _syntax(dataset)
    signed = facts.binary(tags.PIXEL_REPRESENTATION) == 1
    allocated = facts.binary(tags.BITS_ALLOCATED) or 0
    stored = facts.binary(tags.BITS_STORED) or allocated
    high = facts.binary(tags.HIGH_BIT)
    spacing, spacing_source = _spacing(facts)
    center, width = facts.first_decimal(tags.WINDOW_CENTER), facts.first_decimal(tags.WINDOW_WIDTH)
    position, orientation = facts.decimals(tags.POSITION, 3), facts.decimals(tags.ORIENTATION, 6)
    return Header(
        format="dicom",
        patient=facts.text(tags.PATIENT_ID),
        study=facts.text(tags.STUDY),
        series=facts.text(tags.SERIES),
        instance=facts.text(tags.SOP_INSTANCE),
        frame_of_reference=facts.text(tags.FRAME_OF_REFERENCE),
        sop_class=facts.text(tags.SOP_CLASS) or str(dataset.file_meta.get("MediaStorageSOPClassUID") or ""),
        transfer_syntax=syntax,
        modality=facts.text(tags.MODALITY),
        manufacturer=facts.text(tags.MANUFACTURER),
        model=facts.text(tags.MODEL),
        kernel=facts.text(tags.CONVOLUTION_KERNEL),
        body_part=facts.text(tags.BODY_PART),
        image_type=facts.texts(tags.IMAGE_TYPE),
        burned_in=facts.text(tags.BURNED_IN),
        lossy=syntax in LOSSY or facts.text(tags.LOSSY) == "01",
        shape=bounded((facts.whole(tags.FRAMES) or 1, facts.binary(tags.ROWS) or 0, facts.binary(tags.COLUMNS) or 0)),
        samples=facts.binary(tags.SAMPLES) or 1,
        photometric=facts.text(tags.PHOTOMETRIC).upper(),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high is None else high,
        signed=signed,
        floating=pixels is not None and pixels[0] != tags.PIXEL_DATA,
        slope=facts.decimal(tags.SLOPE) or 1.0,
        intercept=facts.decimal(tags.INTERCEPT) or 0.0,
        rescale_stated=bool(facts.text(tags.SLOPE) and facts.text(tags.INTERCEPT)),
        rescale_type=facts.text(tags.RESCALE_TYPE),
        position=position,  # type: ignore[arg-type]  # three numbers, as asked
        orientation=orientation,  # type: ignore[arg-type]
        spacing=spacing,
        spacing_source=spacing_source,
        slice_thickness=facts.decimal(tags.SLICE_THICKNESS),
        pet=pet(facts) if facts.text(tags.MODALITY) == "PT" else None,
        window=None if center is None or width is None else (center, width),
        voi="TABLE" if center is None and tags.VOI_LUT in facts else _voi_function(facts),
    )


def _voi_function(facts: Elements) -> Voi:
    """LINEAR where none is stated: DICOM PS3.3 C.11.2.1.3."""
    stated = facts.text(tags.VOI_FUNCTION).upper() or "LINEAR"
    return next((known for known in ("LINEAR", "LINEAR_EXACT", "SIGMOID") if known == stated), "OTHER")


def _syntax(dataset: FileDataset) -> str:
    """As the file meta states it; where that is missing, as pydicom found the data set to be written."""
    stated = dataset.file_meta.get("TransferSyntaxUID")
    if stated:
        return str(stated)
    implicit, little = dataset.original_encoding
    return IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE if little else EXPLICIT_BIG


def _spacing(facts: Elements) -> tuple[tuple[float, float] | None, SpacingSource]:
    """The first usable one of Pixel Spacing, Imager Pixel Spacing, Nominal Scanned Pixel Spacing.

    Only the first is in the patient; the second is at the detector: DICOM PS3.3 10.7.1.3.
    """
    sources: tuple[tuple[int, SpacingSource], ...] = (
        (tags.PIXEL_SPACING, "pixel"),
        (tags.IMAGER_SPACING, "imager"),
        (tags.NOMINAL_SPACING, "nominal"),
    )
    for tag, source in sources:
        pair = facts.decimals(tag, 2)
        if pair is not None and min(pair) > 0:
            return (pair[0], pair[1]), source
    return None, ""


def _padding(facts: Elements, header: Header) -> float | None:
    """Cut to the stored bits as the voxels are, so that it still equals them."""
    value = facts.binary(tags.PADDING, header.signed)
    if value is None or header.floating or header.bits_allocated not in (8, 16, 32):
        return None
    return float(cut_to_stored(np.array([value]).astype(stored_dtype(header)), header)[0])


def _ambiguous(facts: Elements) -> Reason | None:
    """UNREADABLE where what the voxels mean is stated but unusable, or by a modality LUT: nothing is guessed."""
    slope, intercept, frames = facts.decimal(tags.SLOPE), facts.decimal(tags.INTERCEPT), facts.whole(tags.FRAMES)
    unusable = (
        (facts.text(tags.SLOPE) and not slope)
        or (facts.text(tags.INTERCEPT) and intercept is None)
        or not is_scaling(slope or 1.0, intercept or 0.0)
        or (facts.text(tags.FRAMES) and (frames is None or frames < 1))
        or tags.MODALITY_LUT in facts
    )
    return Reason.UNREADABLE if unusable else None
