"""The scale that Philips MR scanners state beside the rescale of the standard.

A Philips MR image has two lines: stored to displayed values (DV) by Rescale Slope RS and Intercept RI, as the
standard says, and stored to the reconstruction's own floating-point values (FP) by the private Scale Slope SS
(2005,100E) and Intercept SI (2005,100D)::

    DV = RS * stored + RI          FP = (stored - SI) / SS, which for SI = 0 is (DV - RI) / (RS * SS)

Only FP is comparable between series: T. L. Chenevert et al., Errors in Quantitative Image Analysis due to
Platform-Dependent Image Scaling, Translational Oncology 7(1), 2014, 65-71; PAR/REC files print the same formula.
"""

from __future__ import annotations

from math import isfinite

from pipeline.archive.formats import tags
from pipeline.archive.formats.elements import Elements

CREATOR = "Philips MR Imaging DD 001"
"""Who may mean by (2005,100D) and (2005,100E) what they are taken for."""


def private_scale(facts: Elements) -> tuple[float, float] | None:
    """(scale slope, scale intercept) of a data set, or of an item of (2005,140F) in an enhanced object.

    None where they are not stated by Philips, or are no scale: a slope that is not above 0, numbers not finite.
    """
    if facts.text(tags.PHILIPS_MR_CREATOR) != CREATOR:
        return None
    slope, intercept = (facts.array(tag, "f4") for tag in (tags.SCALE_SLOPE, tags.SCALE_INTERCEPT))
    if len(slope) != 1 or len(intercept) != 1:
        return None
    scale = float(slope[0]), float(intercept[0])
    return scale if all(map(isfinite, scale)) and scale[0] > 0 else None
