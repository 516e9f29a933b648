"""Modality LUT: stored values to their units by a table, where no line leads there (DICOM PS3.3 C.11.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.archive.formats import tags
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Header
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


@dataclass(frozen=True, eq=False)
class Lut:
    """A table of unsigned entries.

    Attributes
    ----------
    first : stored value that the first entry is for; those below have the first entry, those beyond the last
    table : (n,) u1 or u2
    bits : of an entry
    """

    first: int
    table: np.ndarray
    bits: int

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        """The entries for stored values of any shape."""
        index = stored.astype("i8")
        index -= self.first
        return self.table[index.clip(0, len(self.table) - 1, out=index)]


def modality_lut(facts: Elements, header: Header) -> Lut:
    """The table of a header that has one.

    LUT Descriptor (0028,3002): count of entries (0: 65536), first stored value mapped (of the sign of the pixels), bits
    of an entry.  The standard has entries of 8 bits packed and of 16 in words; 8 bits in words, and 10 or 12 in
    words, are met and tell themselves by the length of LUT Data (0028,3006).

    Raises Quarantine(UNREADABLE) where it is not well-formed, or stands beside a rescale, which the standard forbids.
    """
    items = facts.items(tags.MODALITY_LUT)
    if len(items) != 1 or tags.SLOPE in facts or tags.INTERCEPT in facts or header.floating or header.frames:
        raise Quarantine(Reason.UNREADABLE)
    descriptor = items[0].array(tags.LUT_DESCRIPTOR, "u2").tolist()
    if len(descriptor) != 3:
        raise Quarantine(Reason.UNREADABLE)
    count, first, bits = descriptor
    count = count or 1 << 16
    words, octets = (items[0].array(tags.LUT_DATA, kind) for kind in ("u2", "u1"))
    table = words if len(words) == count else octets[:count] if bits == 8 and len(octets) == count + count % 2 else None
    if table is None or not 8 <= bits <= 16 or table.max() >> bits:
        raise Quarantine(Reason.UNREADABLE)
    if header.signed and first >= 1 << 15:
        first -= 1 << 16
    return Lut(first, table.astype("u1" if bits == 8 else "u2"), bits)


def mapped(header: Header, facts: Elements) -> Header:
    """The header of the mapped values: in the units that the table gives, padding mapped with them.

    Padding that is not alone in its entry cannot be told from image any more: then none is declared.
    Raises Quarantine(UNREADABLE) as ``modality_lut`` does.
    """
    lut = modality_lut(facts, header)
    padding = header.padding
    if padding is not None:
        at = int(padding) - lut.first
        inside = 0 < at < len(lut.table) - 1
        padding = float(lut.table[at]) if inside and (lut.table == lut.table[at]).sum() == 1 else None
    return replace(
        header,
        lut_bits=lut.bits,
        padding=padding,
        rescale_stated=True,
        rescale_type=facts.items(tags.MODALITY_LUT)[0].text(tags.LUT_TYPE),
        pixel_offset=None,
        pixel_length=None,
        pixel_element="",
    )
