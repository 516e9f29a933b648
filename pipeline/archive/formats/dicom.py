"""The header of a DICOM file: its facts, and why it is not converted where it is not."""

from __future__ import annotations

from typing import BinaryIO, Literal

import numpy as np

from pipeline.archive.formats import functional_groups, mosaic, nuclear, tags, voi
from pipeline.archive.formats.damage import encapsulated_damage, native_damage
from pipeline.archive.formats.dataset import Element, Meta, Reader, begin
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.facets import facets
from pipeline.archive.formats.header import NATIVE, Frame, Header
from pipeline.archive.formats.limits import Limits, bounded, declared
from pipeline.archive.formats.lut import mapped
from pipeline.archive.formats.pet import pet
from pipeline.archive.formats.philips import private_scale
from pipeline.archive.formats.pixels import cut_to_stored, stored_dtype
from pipeline.archive.formats.refusal import refusal
from pipeline.archive.formats.scaling import scaling
from pipeline.archive.formats.syntax import DEFLATED, LOSSY
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

SpacingSource = Literal["", "pixel", "imager", "nominal"]

_WANTED = {**tags.WANTED, tags.SHARED_GROUPS: functional_groups.GROUPS}
_STOPS = tags.PIXELS | {tags.FRAME_GROUPS}


def parse(file: BinaryIO, limits: Limits) -> tuple[Header, Reason | None]:
    """The header of an open file, and the reason for which the file is not converted.

    Raises EOFError, ValueError or zlib.error where the bytes make no data set, and MemoryError for a deflated one of
    more than a quarter of ``limits.memory_bytes``: this runs in a child process, which turns all into reasons.
    """
    meta, reader = begin(file, limits.memory_bytes // 4)
    found: dict[int, object] = {}
    facts = Elements(found)
    frames: tuple[Frame, ...] = ()
    element: Element | None = None
    damage: Reason | None = None
    try:
        element = reader.top(_WANTED, tags.PRIVATE, _STOPS, found)
        if element is not None and element[0] == tags.FRAME_GROUPS:
            frames = _frames(reader, element, facts, limits)
            has_shared = tags.SHARED_GROUPS in found
            element = reader.top(_WANTED, tags.PRIVATE, _STOPS, found)
            if has_shared != (tags.SHARED_GROUPS in found) or (element and element[0] == tags.FRAME_GROUPS):
                raise Quarantine(Reason.UNREADABLE)
        if element is None and not reader.at_end():
            damage = Reason.TRUNCATED
    except EOFError:
        element, damage = None, Reason.TRUNCATED
    except Quarantine as refused:
        damage = refused.reason
    header = _header(meta, facts, element, frames)
    if nuclear.is_tomogram(header):
        header = nuclear.stacked(header, facts) or header
    if element is None:
        return header, refusal(header, limits, has_pixels=False, damage=damage)
    if damage is not None:
        # What is known of the frames is not enough to say more.
        known = refusal(header, limits, has_pixels=True, damage=damage)
        return header, damage if known is Reason.MULTIFRAME else known
    header, reason = _with_pixels(header, reader, element, facts, limits)
    if mosaic.is_tiled(header):
        unfolded = mosaic.unfolded(header, facts)
        return unfolded or header, reason or (None if unfolded else Reason.MULTIFRAME)
    return header, reason


def _frames(reader: Reader, groups: Element, facts: Elements, limits: Limits) -> tuple[Frame, ...]:
    """Raises Quarantine(BOMB_DECLARED) for more frames than are kept, UNREADABLE for others than are declared."""
    count = facts.whole(tags.FRAMES) or 1
    if count > limits.frames:
        raise Quarantine(Reason.BOMB_DECLARED)
    return tuple(functional_groups.frames(reader.items(groups, functional_groups.GROUPS), facts, count))


def _with_pixels(
    header: Header, reader: Reader, element: Element, facts: Elements, limits: Limits
) -> tuple[Header, Reason | None]:
    """With where the pixel data lie, and what is wrong with them."""
    at, size, head, length = reader.file.tell(), reader.size(), reader.before(element), element[2]
    native = header.transfer_syntax in NATIVE
    if native or header.transfer_syntax == DEFLATED:
        damage = native_damage(length, declared(header), size - at)
    else:
        damage = encapsulated_damage(reader.file, at, length, size)
    by_offset = native and damage is None and header.bits_allocated >= 8
    header = header.but(
        padding=_padding(facts, header),
        pixel_offset=at if by_offset else None,
        pixel_length=length if by_offset else None,
        pixel_element=head.hex() if by_offset else "",
    )
    damage = _ambiguous(facts) or damage
    if tags.MODALITY_LUT in facts and damage is None:
        try:
            header = mapped(header, facts)
        except Quarantine as refused:
            damage = refused.reason
    return header, refusal(header, limits, has_pixels=True, damage=damage)


def _header(meta: Meta, facts: Elements, pixels: Element | None, frames: tuple[Frame, ...]) -> Header:
    signed = facts.binary(tags.PIXEL_REPRESENTATION) == 1
    allocated = facts.binary(tags.BITS_ALLOCATED) or 0
    stored = facts.binary(tags.BITS_STORED) or allocated
    high = facts.binary(tags.HIGH_BIT)
    spacing, spacing_source = _spacing(facts)
    if any(frame.spacing for frame in frames):
        spacing_source = "pixel"
    modality, image_type, values = facts.text(tags.MODALITY), facts.texts(tags.IMAGE_TYPE), scaling(facts)
    position, orientation = facts.decimals(tags.POSITION, 3), facts.decimals(tags.ORIENTATION, 6)
    return Header(
        format="dicom",
        patient=facts.text(tags.PATIENT_ID),
        study=facts.text(tags.STUDY),
        series=facts.text(tags.SERIES),
        instance=facts.text(tags.SOP_INSTANCE),
        frame_of_reference=facts.text(tags.FRAME_OF_REFERENCE),
        sop_class=facts.text(tags.SOP_CLASS) or meta.sop_class,
        transfer_syntax=meta.transfer_syntax,
        modality=modality,
        manufacturer=facts.text(tags.MANUFACTURER),
        model=facts.text(tags.MODEL),
        kernel=facts.text(tags.CONVOLUTION_KERNEL),
        body_part=facts.text(tags.BODY_PART),
        image_type=image_type,
        calculation=facts.text(tags.CALCULATION),
        burned_in=facts.text(tags.BURNED_IN),
        lossy=meta.transfer_syntax in LOSSY or facts.text(tags.LOSSY) == "01",
        shape=bounded((facts.whole(tags.FRAMES) or 1, facts.binary(tags.ROWS) or 0, facts.binary(tags.COLUMNS) or 0)),
        samples=facts.binary(tags.SAMPLES) or 1,
        photometric=facts.text(tags.PHOTOMETRIC).upper(),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high is None else high,
        signed=signed,
        floating=pixels is not None and pixels[0] in (tags.FLOAT_PIXELS, tags.DOUBLE_PIXELS),
        slope=values.slope,
        intercept=values.intercept,
        rescale_stated=values.stated,
        rescale_type=values.type,
        private_scale=private_scale(facts),
        position=position,  # type: ignore[arg-type]  # three numbers, as asked
        orientation=orientation,  # type: ignore[arg-type]
        spacing=spacing,
        spacing_source=spacing_source,
        slice_thickness=facts.decimal(tags.SLICE_THICKNESS),
        pet=pet(facts) if modality == "PT" else None,
        window=voi.window(facts),
        voi=voi.function(facts),
        facets=facets(facts, modality, image_type),
        frames=frames,
    )


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
    """UNREADABLE where what the voxels mean is stated but unusable: nothing is guessed.

    MISSING_GEOMETRY where pixels are not square, and no spacing says how large they are (DICOM PS3.3 C.7.6.3.1.7).
    """
    frames = facts.whole(tags.FRAMES)
    unusable = not scaling(facts).usable or (facts.text(tags.FRAMES) and (frames is None or frames < 1))
    if unusable:
        return Reason.UNREADABLE
    aspect = facts.decimals(tags.ASPECT_RATIO, 2)
    oblong = bool(facts.text(tags.ASPECT_RATIO)) and (aspect is None or aspect[0] != aspect[1] or aspect[0] <= 0)
    return Reason.MISSING_GEOMETRY if oblong and _spacing(facts)[0] is None else None
