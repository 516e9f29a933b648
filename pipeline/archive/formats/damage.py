"""Whether the bytes of a DICOM file are all there, and not many more than they seem."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from pipeline.archive.formats.syntax import DEFLATED
from pipeline.reasons import Reason

UNDEFINED = 0xFFFFFFFF
"""The length of a value that ends where a delimiter stands: DICOM PS3.5 7.1.1."""

_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"


def native_damage(length: int, needed: int, available: int) -> Reason | None:
    """Of a value of ``length`` bytes where ``needed`` describe the image and ``available`` are in the file."""
    if length == UNDEFINED:
        return Reason.UNREADABLE
    return Reason.TRUNCATED if length < needed or length > available else None


def encapsulated_damage(file: BinaryIO, at: int, length: int, size: int) -> Reason | None:
    """Whether the items lie in the file up to the sequence delimiter: DICOM PS3.5 A.4."""
    if length != UNDEFINED:
        return Reason.UNREADABLE
    while at + 8 <= size:
        file.seek(at)
        item = file.read(8)
        if item[:4] == _DELIMITER:
            return None
        if item[:4] != _ITEM:
            return Reason.UNREADABLE
        at += 8 + int.from_bytes(item[4:], "little")
    return Reason.TRUNCATED


def check_inflated_size(file: BinaryIO, most: int) -> None:
    """Raises MemoryError for a deflated data set of more than ``most`` bytes.

    pydicom inflates in one go: count first, in small steps, and keep nothing.
    """
    file.seek(0)
    head = file.read(1024)
    if DEFLATED.encode() not in head:
        return
    # The deflated bytes begin right after group 0002, whose length (0002,0000) states from offset 144.
    begin = 144 + int.from_bytes(head[140:144], "little")
    file.seek(begin)
    inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while (deflated := file.read(1 << 16)) and not inflater.eof:
        while deflated:
            total += len(inflater.decompress(deflated, 1 << 20))
            deflated = inflater.unconsumed_tail
            if total > most:
                raise MemoryError
