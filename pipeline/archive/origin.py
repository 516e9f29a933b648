"""What a file that is derived of a volume says of its source: the patient, the study, every instance.

All of it is identity: it goes where the user said that results shall be written back, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.archive.entry import Entry
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.identifying import legal
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason


@dataclass(frozen=True)
class Origin:
    """The DICOM series of a volume.

    Attributes
    ----------
    grid : of the raw volume
    anatomical : whether it lies in the patient; a projection may state no position
    instances : the files, in the order of k
    texts : what all of them share, by keyword (``formats.identifying``), of the first one
    """

    grid: Grid
    anatomical: bool
    instances: tuple[Header, ...]
    texts: Mapping[str, str]


def origin(vault: Vault, volume_id: str, edition: str, child: Child) -> Origin | None:
    """The source of a volume as its headers state it; None where it is no DICOM series.

    Raises
    ------
    UsageError
        If the vault knows no such volume or edition.
    Quarantine
        CHANGED where a file is not what it was at the scan; UNREADABLE where an identifier is missing or malformed: a
        result must never be another patient's; or what reading came to.
    """
    with vault.index() as index:
        entry = Entry.of(index, volume_id, edition)
        files = [part.file(index) for part in entry.parts]
    headers = tuple(file.header for file in files if file.header is not None)
    if any(header.format != "dicom" for header in headers):
        return None
    texts = child.texts(files[0].place, (files[0].size, files[0].mtime_ns))
    first = headers[0]
    stated = (first.patient, first.study, first.series)
    repeated = tuple(texts.get(name, "") for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"))
    names = (first.study, first.series, *(name for h in headers for name in (h.instance, h.sop_class)))
    if repeated != stated or not all(name and legal("SeriesInstanceUID", name) for name in names):
        raise Quarantine(Reason.UNREADABLE)
    return Origin(entry.grid, entry.anatomical, headers, texts)
