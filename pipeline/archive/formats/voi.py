"""The window that a data set, or a functional group, proposes for display: DICOM PS3.3 C.11.2."""

from __future__ import annotations

from pipeline.archive.formats import tags
from pipeline.archive.formats.elements import Elements
from pipeline.volume import Voi


def window(facts: Elements) -> tuple[float, float] | None:
    """(center, width) of the first of one or more windows, None where none is usable."""
    center, width = facts.first_decimal(tags.WINDOW_CENTER), facts.first_decimal(tags.WINDOW_WIDTH)
    return None if center is None or width is None else (center, width)


def function(facts: Elements) -> Voi:
    """What the window is meant for: LINEAR where no function is stated (C.11.2.1.3), TABLE where there is no window."""
    if facts.first_decimal(tags.WINDOW_CENTER) is None and tags.VOI_LUT in facts:
        return "TABLE"
    stated = facts.text(tags.VOI_FUNCTION).upper() or "LINEAR"
    return next((known for known in ("LINEAR", "LINEAR_EXACT", "SIGMOID") if known == stated), "OTHER")
