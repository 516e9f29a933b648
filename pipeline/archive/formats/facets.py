"""What tells a single image from the others at its place: echo, phase, b-value, direction, complex component."""

from __future__ import annotations

from pipeline.archive.formats import tags
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Facets
from pipeline.archive.formats.pet import datetime_s, moment_s

COMPONENTS = {
    **dict.fromkeys(("M", "MAGNITUDE"), "M"),
    **dict.fromkeys(("P", "PHASE"), "P"),
    **dict.fromkeys(("R", "REAL"), "R"),
    **dict.fromkeys(("I", "IMAGINARY"), "I"),
}
"""Words for a part of a complex image: DICOM PS3.3 C.8.13.3.1.1 and, as letters, what Siemens and Philips write."""

CLASSIC: dict[int, None] = dict.fromkeys(
    (
        *(tags.STACK, tags.TEMPORAL_POSITION, tags.TRIGGER_TIME, tags.CARDIAC_DELAY, tags.ECHO_TIME, tags.ECHO_NUMBER),
        *(tags.EFFECTIVE_ECHO_TIME, tags.INVERSION_TIME, tags.B_VALUE, tags.GRADIENT, tags.COMPLEX_COMPONENT),
        *(tags.KVP, tags.ENERGY_EQUIVALENT, tags.ACQUISITION, tags.ACQUISITION_DATETIME, tags.ACQUISITION_DATE),
        *(tags.ACQUISITION_TIME, tags.INSTANCE_NUMBER),
    )
)
"""The standard attributes among those that facets are made of."""

_GE_COMPONENTS = ("M", "P", "R", "I")
_GE_OFFSET = 1_000_000_000
_MOST_B = 1e6

Diffusion = tuple[float | None, tuple[float, ...] | None]
"""b-value in s/mm2, and the direction of its gradient, in whatever axes the vendor states it."""


def facets(facts: Elements, modality: str, image_type: tuple[str, ...]) -> Facets:
    """The facets of an image whose attributes all stand at the top level of its data set."""
    echo = facts.first_decimal(tags.ECHO_NUMBER)
    trigger = facts.decimal(tags.TRIGGER_TIME)
    echo_ms = facts.decimal(tags.ECHO_TIME)
    b_value, gradient = diffusion(facts) if modality == "MR" else (None, None)
    return Facets(
        stack=facts.text(tags.STACK),
        temporal_position=facts.whole(tags.TEMPORAL_POSITION),
        trigger_ms=facts.number(tags.CARDIAC_DELAY) if trigger is None else trigger,
        echo_ms=facts.number(tags.EFFECTIVE_ECHO_TIME) if echo_ms is None else echo_ms,
        echo=None if echo is None else int(echo),
        inversion_ms=facts.decimal(tags.INVERSION_TIME),
        b_value=b_value,
        gradient=gradient,
        component=component(facts, image_type) if modality == "MR" else "",
        energy_kev=_energy(facts) if modality == "CT" else None,
        acquisition=facts.whole(tags.ACQUISITION),
        acquired_s=acquired_s(facts),
        number=facts.whole(tags.INSTANCE_NUMBER),
    )


def acquired_s(facts: Elements) -> float | None:
    """Acquisition DateTime, else date and time, in seconds since 1970 by the clock of the scanner."""
    moment = datetime_s(facts.text(tags.ACQUISITION_DATETIME), facts.text(tags.ZONE))
    if moment is not None:
        return moment
    return moment_s(facts.text(tags.ACQUISITION_DATE), facts.text(tags.ACQUISITION_TIME))


def component(facts: Elements, image_type: tuple[str, ...]) -> str:
    """M, P, R or I: Complex Image Component, GE's private (0043,102F), a later value of Image Type; else ""."""
    stated = facts.text(tags.COMPLEX_COMPONENT)
    if stated:
        return COMPONENTS.get(stated, "")
    ge = facts.binary(tags.GE_COMPONENT)
    if ge is not None and ge < len(_GE_COMPONENTS):
        return _GE_COMPONENTS[ge]
    return next((COMPONENTS[value] for value in image_type[2:] if value in COMPONENTS), "")


def diffusion(facts: Elements) -> Diffusion:
    """As the standard attributes state it, else as the first vendor who does."""
    for stated in (_standard, _siemens, _ge, _philips, _united):
        b_value, gradient = stated(facts)
        if b_value is not None and 0 <= b_value <= _MOST_B:
            return b_value, gradient
    return None, None


def _standard(facts: Elements) -> Diffusion:
    """DICOM PS3.3 C.8.13.5.9; Canon and later scanners of all vendors write it at the top level as well."""
    return facts.number(tags.B_VALUE), facts.numbers(tags.GRADIENT, 3)


def _siemens(facts: Elements) -> Diffusion:
    """Private group 0019 of syngo MR since B13: Siemens' table at na-mic.org, DICOM for DWI and DTI."""
    return facts.decimal(tags.SIEMENS_B_VALUE), facts.numbers(tags.SIEMENS_GRADIENT, 3)


def _ge(facts: Elements) -> Diffusion:
    """First value of (0043,1039), to which some releases add 10^9; direction by frequency, phase and slice.

    The GE notes of dcm2niix; na-mic.org, DICOM for DWI and DTI.
    """
    b_value = facts.first_decimal(tags.GE_B_VALUE)
    if b_value is None or b_value < 0:
        return None, None
    axes = [facts.decimal(tag) for tag in (tags.GE_GRADIENT_X, tags.GE_GRADIENT_Y, tags.GE_GRADIENT_Z)]
    known = tuple(axis for axis in axes if axis is not None)
    return b_value % _GE_OFFSET, known if len(known) == 3 and b_value else None


def _philips(facts: Elements) -> Diffusion:
    """(2001,1003), direction by right-left, anterior-posterior, feet-head: the conformance statements of Achieva."""
    axes = [facts.number(tag) for tag in (tags.PHILIPS_GRADIENT_X, tags.PHILIPS_GRADIENT_Y, tags.PHILIPS_GRADIENT_Z)]
    known = tuple(axis for axis in axes if axis is not None)
    return facts.number(tags.PHILIPS_B_VALUE), known if len(known) == 3 else None


def _united(facts: Elements) -> Diffusion:
    """United Imaging's table of private elements, in the UIH notes of dcm2niix."""
    return facts.number(tags.UIH_B_VALUE), facts.numbers(tags.UIH_GRADIENT, 3)


def _energy(facts: Elements) -> float | None:
    mono = facts.number(tags.ENERGY_EQUIVALENT)
    return facts.decimal(tags.KVP) if mono is None else mono
