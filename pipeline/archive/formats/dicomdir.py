"""The files that a DICOMDIR names.  Runs in the child process; no name is ever followed (law L8)."""

from __future__ import annotations

from io import BufferedReader

from pydicom.filereader import dcmread
from pydicom.multival import MultiValue

_RECORDS, _FILE = 0x00041220, 0x00041500


def names(file: BufferedReader, most_bytes: int) -> list[str]:
    """Referenced File IDs (0004,1500) of all directory records (0004,1220), components set apart by "/", each once.

    DICOM PS3.3 F.3.2.2, PS3.10 8.2.  Raises MemoryError for a file of more than ``most_bytes``, and whatever
    pydicom raises for one that it cannot read.
    """
    if file.seek(0, 2) > most_bytes:
        raise MemoryError
    file.seek(0)
    found: dict[str, None] = {}
    for record in dcmread(file, force=True, specific_tags=[_RECORDS])[_RECORDS].value:
        if _FILE in record and record[_FILE].value:
            stated = record[_FILE].value
            parts = stated if isinstance(stated, MultiValue | list) else [stated]
            found["/".join(map(str, parts))] = None
    return list(found)
