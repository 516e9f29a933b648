"""Reconstructed tomograms of nuclear medicine: the frames of one object are the slices of a stack.

DICOM PS3.3 C.8.4.8 (NM Multi-frame), C.8.4.11 (NM Detector), C.8.4.15 (NM Reconstruction).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.archive.formats import tags
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Frame, Header

_KINDS = frozenset({"RECON TOMO", "RECON GATED TOMO"})
"""Value 3 of Image Type: C.8.4.9.1.1.1."""

_OTHERS = (
    *(tags.ENERGY_VECTOR, tags.DETECTOR_VECTOR, tags.PHASE_VECTOR, tags.ROTATION_VECTOR, tags.INTERVAL_VECTOR),
    tags.TIME_SLICE_VECTOR,
)


def is_tomogram(header: Header) -> bool:
    """Whether Image Type says so."""
    return header.modality == "NM" and len(header.image_type) > 2 and header.image_type[2] in _KINDS


def stacked(header: Header, facts: Elements) -> Header | None:
    """The header with a place for every frame; None where the object does not say where each lies.

    Image Position (Patient) of the one detector is that of the first slice.  The others follow along row x column, at
    Spacing Between Slices: a negative one turns them to the other side (C.8.4.15).  The time slots of a gated
    tomogram are its temporal positions; frames that differ in anything else are not understood.
    """
    count = header.shape[0]
    detectors = facts.items(tags.DETECTORS)
    slices, slots = facts.counts(tags.SLICE_VECTOR), facts.counts(tags.SLOT_VECTOR)
    spacing = facts.decimal(tags.SPACING_BETWEEN)
    if len(detectors) != 1 or not spacing or len(slices) != count or len(slots) not in (0, count):
        return None
    if min(slices) < 1 or any(len(set(facts.counts(tag))) > 1 for tag in _OTHERS):
        return None
    position = detectors[0].decimals(tags.POSITION, 3)
    orientation = detectors[0].decimals(tags.ORIENTATION, 6)
    if position is None or orientation is None:
        return None
    normal = np.cross(orientation[:3], orientation[3:])
    places = np.array(position) + (np.array(slices)[:, None] - 1) * (spacing * normal)
    alike = {name: getattr(header, name) for name in Frame._fields} | {"orientation": orientation}
    frames = tuple(
        Frame(**alike | {"position": (x, y, z), "facets": header.facets._replace(temporal_position=slot)})
        for (x, y, z), slot in zip(places.tolist(), slots or (None,) * count, strict=True)
    )
    return replace(header, frames=frames)
