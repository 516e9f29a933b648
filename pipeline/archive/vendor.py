"""What a vendor profile adds to what headers say of a volume: attributes, never voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline import vendors
from pipeline.archive.formats.header import Header
from pipeline.archive.vocabulary import BODY_PART, KERNEL, MANUFACTURER, MODEL
from pipeline.vendors import Profile
from pipeline.volume import Facts


def device(header: Header, modality: str | None) -> Facts:
    """Who made an image and how, in terms of the closed vocabularies; whatever is none of them is not told."""
    return _completed(Facts(modality=modality), header)[0]


def completed(stated: Facts, headers: Sequence[Header]) -> Facts:
    """The facts of a volume, with those of its device and with what its maker leaves unsaid."""
    facts, profile = _completed(stated, headers[len(headers) // 2])
    if profile is None or any(header.padding is not None for header in headers):
        return facts
    return replace(facts, padding=_padding(profile, stated.low, headers))


def _completed(facts: Facts, header: Header) -> tuple[Facts, Profile | None]:
    facts = replace(
        facts,
        manufacturer=MANUFACTURER.term(header.manufacturer),
        model=MODEL.term(header.model),
        kernel=KERNEL.term(header.kernel),
        body_part=BODY_PART.term(header.body_part),
    )
    profile = vendors.applicable(vendors.packaged(), facts)
    if profile is None:
        return facts, None
    return replace(facts, profile=profile.label, kernel_class=profile.ingest.kernel_class(facts.kernel)), profile


def _padding(profile: Profile, low: float, headers: Sequence[Header]) -> float | None:
    """The value of a volume's padding where no header declares one: the lowest voxel, if its maker pads with it.

    ``low`` is exact, and so are the rescaled values of whole numbers that a volume of integers holds.
    """
    scales = {(header.slope, header.intercept) for header in headers}
    if len(scales) > 1:
        return None
    ((slope, intercept),) = scales
    values = [value * slope + intercept for value in profile.ingest.padding]
    return low if low in values else None
