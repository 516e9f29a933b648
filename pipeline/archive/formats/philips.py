"""The scale that Philips MR scanners state beside the rescale of the standard.

A Philips MR image has two lines: stored to displayed values (DV) by Rescale Slope RS and Intercept RI, as the
standard says, and stored to the reconstruction's own floating-point values (FP) by the private Scale Slope SS
(2005,100E) and Intercept SI (2005,100D)::

    DV = RS * stored + RI          FP = (stored - SI) / SS = DV / (RS * SS)

The last holds since RI = -RS * SI, as in the enhanced objects at hand.  FP alone can be compared between series:
T. L. Chenevert et al., Errors in Quantitative Image Analysis due to Platform-Dependent Image Scaling, Translational
Oncology 7(1), 2014, 65-71.
"""

from __future__ import annotations

from pipeline.archive.formats import tags
from pipeline.archive.formats.elements import Elements

GROUP = 0x2005140F
"""The sequence in the functional groups of a frame whose one item holds what the scanner says of it privately."""

CREATOR = 0x20050010
IN_GROUP = dict.fromkeys((CREATOR, tags.PHILIPS_SCALE_INTERCEPT, tags.PHILIPS_SCALE_SLOPE))
"""What is read of that item; as all items do, it names the creators of its private elements itself."""

_NAME = "Philips MR Imaging DD 001"


def private_scale(facts: Elements) -> tuple[float, float] | None:
    """(scale slope, scale intercept) of a data set whose reader has seen to the private creator.

    None where one is not stated, is no finite number, or the slope is not above 0.
    """
    slope, intercept = facts.number(tags.PHILIPS_SCALE_SLOPE), facts.number(tags.PHILIPS_SCALE_INTERCEPT)
    return None if slope is None or intercept is None or slope <= 0 else (slope, intercept)


def scale_of_frame(item: Elements) -> tuple[float, float] | None:
    """The same of the item of ``GROUP`` of a frame."""
    return private_scale(item) if item.text(CREATOR) == _NAME else None
