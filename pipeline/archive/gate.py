"""The geometry gate: refuses what is not a regular stack.  Values are measured for refused series too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.archive.formats.header import Header
from pipeline.archive.measure import Measures, counts, placed, shadow, stack, stated
from pipeline.reasons import Reason

GEOMETRY_ERROR_MM = 0.01
"""Law L5: no voxel of a converted stack is as far as this from where its own slice says it is."""

SPACING_SPREAD_MM = 1e-5
"""Largest difference of pixel spacing within a series: noise of the last printed digit, 0.005 mm over 512 pixels."""

ORIENTATION_SPREAD = 1e-4
"""Largest difference of one direction cosine within a series; 0.05 mm at the rim of a 500 mm field of view."""

NON_ORTHOGONAL = 1e-4
"""Largest departure from perpendicular unit vectors; cosines printed with 4 decimals stay below it."""

MOST_TILT_DEG = 45.0
"""Largest angle between slice step and slice normal.  A gantry tilts by 30 degrees at most, and its stack is kept as it
lies, its affine sheared; beyond, a step leads along the slices more than across them."""

PROJECTIONS = frozenset({"CR", "DX", "MG", "IO", "PX", "RF", "RG", "XA"})
"""Modalities (DICOM PS3.3 C.7.3.1.1.1) whose images are shadows: they need no position in the patient."""


@dataclass(frozen=True)
class Gate:
    """The measures of a series, and why it is refused: primary reason first, none where it is accepted."""

    measures: Measures
    reasons: tuple[Reason, ...] = ()


def gate(headers: Sequence[Header]) -> Gate:
    """Measure one series (its images, in any order) and judge it.

    A file that states an affine is judged by that, DICOM images as a stack; a lone X-ray needs no position.
    """
    lone = headers[0] if len(headers) == 1 else None
    if lone is not None and lone.affine is not None:
        measured = stated(lone)
        return Gate(counts(headers), (Reason.MISSING_GEOMETRY,)) if measured is None else _judged(measured)
    if all(map(lies_in_patient, headers)):
        return _judged(stack(headers))
    if lone is not None and is_shadow(lone):
        return _judged(shadow(lone))
    counted = counts(headers)
    return Gate(counted, (Reason.MISSING_GEOMETRY, *_mixed(counted)))


def lies_in_patient(header: Header) -> bool:
    """Whether an image has a place, and a spacing of the object: Imager Pixel Spacing is magnified (PS3.3 10.7.1.3)."""
    return placed(header) and (header.spacing_source == "pixel" or header.modality in PROJECTIONS)


def is_shadow(header: Header) -> bool:
    """Whether this is a projection that states no place in the patient, and needs none."""
    return header.modality in PROJECTIONS and header.position is None and header.orientation is None


def _judged(m: Measures) -> Gate:
    """All rules that are broken.  IRREGULAR_SPACING stands for an error that nothing before it explains."""
    found = [
        *_mixed(m),
        *_over(m.orientation_spread, ORIENTATION_SPREAD, Reason.MIXED_ORIENTATION),
        *_over(m.orthogonality_error, NON_ORTHOGONAL, Reason.NON_ORTHOGONAL),
        *_over(m.n_duplicate_positions, 0, Reason.DUPLICATE_POSITION),
        *_over(m.n_missing_estimated, 0, Reason.MISSING_SLICE),
    ]
    # "not below", since a NaN is neither below nor above.
    if not found and (m.geometry_error_mm is None or not m.geometry_error_mm < GEOMETRY_ERROR_MM):
        found.append(Reason.IRREGULAR_SPACING)
    found.extend(_over(m.tilt_deg, MOST_TILT_DEG, Reason.GANTRY_TILT))
    return Gate(m, tuple(found))


def _mixed(m: Measures) -> list[Reason]:
    """The rules that need no positions.

    A frame of reference of its own for every image is what some de-identifiers write (all of LIDC-IDRI):
    it says nothing, and the positions are judged as they stand.
    """
    frames = 1 if m.n_frames == m.n_slices > 2 else m.n_frames
    found = (
        (m.n_sizes > 1, Reason.MIXED_SIZE),
        (m.spacing_spread_mm is not None and m.spacing_spread_mm > SPACING_SPREAD_MM, Reason.MIXED_SPACING),
        (max(frames, m.n_studies, m.n_codings) > 1, Reason.MIXED_FRAME),
    )
    return [reason for broken, reason in found if broken]


def _over(value: float | None, limit: float, reason: Reason) -> list[Reason]:
    return [reason] if value is not None and value > limit else []
