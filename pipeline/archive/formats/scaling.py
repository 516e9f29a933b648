"""The rescale that a data set, or a functional group, states: DICOM PS3.3 C.11.1.1.2, C.7.6.16.2.9."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.archive.formats import tags
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.rescale import is_scaling


class Scaling(NamedTuple):
    """Slope and intercept, 1 and 0 where there are none; whether both are stated, in which units, and can be meant."""

    slope: float = 1.0
    intercept: float = 0.0
    stated: bool = False
    type: str = ""
    usable: bool = True


def scaling(facts: Elements) -> Scaling:
    """What is stated but is no number, a slope of 0, or beyond all sense is not usable: nothing is guessed."""
    slope, intercept = facts.decimal(tags.SLOPE), facts.decimal(tags.INTERCEPT)
    has_slope, has_intercept = bool(facts.text(tags.SLOPE)), bool(facts.text(tags.INTERCEPT))
    return Scaling(
        slope=slope or 1.0,
        intercept=intercept or 0.0,
        stated=has_slope and has_intercept,
        type=facts.text(tags.RESCALE_TYPE),
        usable=not (has_slope and not slope)
        and not (has_intercept and intercept is None)
        and is_scaling(slope or 1.0, intercept or 0.0),
    )
