"""Coded concepts of a data set: DICOM PS3.3 8.8."""

from __future__ import annotations

from pydicom.sr.coding import snomed_mapping

from pipeline.archive.formats.dataset import Wanted
from pipeline.archive.formats.elements import Elements

_VALUE, _SCHEME = 0x00080100, 0x00080102

CODE: Wanted = {_VALUE: None, _SCHEME: None}
"""What is read of a code sequence."""


def concept(item: Elements, tag: int) -> str:
    """SNOMED CT concept id of the first code of a sequence; "" for another scheme and where there is none.

    Ids of SNOMED RT (SRT), which DICOM used before 2019, are turned as PS3.16 does.
    """
    code = item.item(tag)
    if code is None:
        return ""
    scheme, value = code.text(_SCHEME), code.text(_VALUE)
    if scheme == "SRT":
        scheme, value = "SCT", snomed_mapping["SRT"].get(value, "")
    return value if scheme == "SCT" else ""
