"""What a DICOM object that is derived of an image repeats of it: whose it is, of which study, when.

Read anew for each export, in the child; a scan keeps none of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import BinaryIO

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from pipeline.archive.formats import tags
from pipeline.archive.formats.damage import check_inflated_size
from pipeline.archive.formats.elements import Elements

REPEATED: Mapping[str, tuple[int, str]] = {
    "StudyDate": (0x00080020, "DA"),
    "SeriesDate": (0x00080021, "DA"),
    "AcquisitionDate": (0x00080022, "DA"),
    "ContentDate": (0x00080023, "DA"),
    "StudyTime": (0x00080030, "TM"),
    "SeriesTime": (0x00080031, "TM"),
    "AcquisitionTime": (0x00080032, "TM"),
    "ContentTime": (0x00080033, "TM"),
    "AccessionNumber": (0x00080050, "SH"),
    "ReferringPhysicianName": (0x00080090, "PN"),
    "StudyDescription": (0x00081030, "LO"),
    "PatientName": (0x00100010, "PN"),
    "PatientID": (0x00100020, "LO"),
    "IssuerOfPatientID": (0x00100021, "LO"),
    "PatientBirthDate": (0x00100030, "DA"),
    "PatientSex": (0x00100040, "CS"),
    "PatientIdentityRemoved": (0x00120062, "CS"),
    "DeidentificationMethod": (0x00120063, "LO"),
    "StudyInstanceUID": (0x0020000D, "UI"),
    "SeriesInstanceUID": (0x0020000E, "UI"),
    "StudyID": (0x00200010, "SH"),
    "FrameOfReferenceUID": (0x00200052, "UI"),
    "PositionReferenceIndicator": (0x00201040, "LO"),
    "LossyImageCompressionRatio": (0x00282112, "DS"),
    "LossyImageCompressionMethod": (0x00282114, "CS"),
}
"""Keyword: tag and value representation, of the modules Patient, General Study, General Series, Frame of Reference and
General Image (DICOM PS3.3 C.7)."""

_CHARACTER_SET = 0x00080005
_WANTED: list[BaseTag | int] = [BaseTag(tag) for tag in (_CHARACTER_SET, *(tag for tag, _ in REPEATED.values()))]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PATTERNS = {
    "CS": re.compile(r"[A-Z0-9 _]{0,16}"),
    "DS": re.compile(r"[0-9+.Ee-]{0,16}"),
    "LO": re.compile(r"[^\\]{0,64}"),
    "SH": re.compile(r"[^\\]{0,16}"),
    "TM": re.compile(r"([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?"),
    "UI": re.compile(r"[0-9.]{0,64}"),
}
_COMPONENTS = re.compile(r"[^^\\]*(\^[^^\\]*){0,4}")


def texts(file: BinaryIO, most: int) -> dict[str, str]:
    """The attributes of ``REPEATED`` of an open DICOM file, by keyword, Unicode; without those that are no legal value.

    Raises whatever pydicom raises, and MemoryError for a deflated data set of more than ``most`` bytes: this runs in
    a child process.
    """
    check_inflated_size(file, most)
    file.seek(0)
    dataset = read_partial(file, lambda tag, _vr, _length: tag in tags.PIXELS, force=True, specific_tags=_WANTED)
    facts = Elements.of(dataset)
    found = {keyword: facts.text(tag) for keyword, (tag, _) in REPEATED.items()}
    return {keyword: text for keyword, text in found.items() if text and legal(keyword, text)}


def legal(keyword: str, text: str) -> bool:
    """Whether a text can be a single value of that attribute: DICOM PS3.5 6.2.

    >>> legal("StudyDate", "20240229"), legal("StudyDate", "20230229"), legal("PatientName", "Doe^Jane")
    (True, False, True)
    """
    representation = REPEATED[keyword][1]
    if _CONTROL.search(text):
        return False
    if representation == "DA":
        return _is_date(text)
    if representation == "PN":
        groups = text.split("=")
        return len(groups) <= 3 and all(len(group) <= 64 and _COMPONENTS.fullmatch(group) for group in groups)
    return _PATTERNS[representation].fullmatch(text) is not None


def _is_date(text: str) -> bool:
    try:
        return re.fullmatch("[0-9]{8}", text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False
