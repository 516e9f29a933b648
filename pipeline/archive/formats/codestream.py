"""What a compressed frame says of itself, before it is decoded."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_START, _END = b"\xff\xd8", b"\xff\xd9"
"""SOI, EOI of JPEG (ISO 10918-1 B.1.1.3) and JPEG-LS (ISO 14495-1 C.1.1); EOC of JPEG 2000 (ISO 15444-1 A.4.4)."""

_SIZE = b"\xff\x4f\xff\x51"
"""SOC, SIZ: how a JPEG 2000 codestream begins, also the one in a JP2 file (ISO 15444-1 A.4.1, A.5.1)."""

_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
"""Second bytes of SOF markers: ISO 10918-1 table B.1, and that of JPEG-LS."""

_OF_VALUES = frozenset({0xC3, 0xC7, 0xCB, 0xCF, 0xF7})
"""Those of processes that code values, of 2 to 16 bits.  The others code cosines, of 8 or 12 (table B.2); there are
encoders that write 16 bits then, and nobody reads them rightly."""


class Codestream(NamedTuple):
    """One frame of JPEG, JPEG-LS or JPEG 2000.

    Attributes
    ----------
    precision : bits of a sample
    signed : whether these are two's complement; only JPEG 2000 can say so
    """

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False


def codestream(frame: bytes) -> Codestream:
    """Of one encoded frame.

    Raises Quarantine: TRUNCATED where its end is not marked, which decoders fill up with grey; DECODE_FAIL where it
    is none of these or cut in its header.
    """
    try:
        found, begin = _jpeg(frame) if frame.startswith(_START) else _jpeg_2000(frame)
    except (IndexError, ValueError):
        raise Quarantine(Reason.DECODE_FAIL) from None
    # Coded data cannot hold this marker: bytes are stuffed so that nothing above FF8F stands in them.
    if frame.find(_END, begin) < 0:
        raise Quarantine(Reason.TRUNCATED)
    return found


def starts(fragment: bytes) -> bool:
    """Whether a fragment begins a frame of its own, and does not go on with one."""
    return fragment.startswith((_START, _SIZE, b"\0\0\0\x0cjP  "))


def _jpeg(frame: bytes) -> tuple[Codestream, int]:
    at = 2
    while True:
        if frame[at] != 0xFF:
            raise ValueError("no marker")
        kind = frame[at + 1]
        if kind == 0xFF:  # any marker may be preceded by fill bytes
            at += 1
            continue
        length = _number(frame, at + 2, 2)
        if kind in _FRAME:
            precision, rows, columns = frame[at + 4], _number(frame, at + 5, 2), _number(frame, at + 7, 2)
            if precision not in ((8, 12) if kind not in _OF_VALUES else range(2, 17)):
                raise ValueError("no such precision")
            return Codestream(rows, columns, frame[at + 9], precision), at + 2 + length
        at += 2 + length


def _jpeg_2000(frame: bytes) -> tuple[Codestream, int]:
    at = frame.index(_SIZE) + 4
    right, bottom, left, top = (_number(frame, at + n, 4) for n in (4, 8, 12, 16))
    depth = frame[at + 38]
    samples = _number(frame, at + 36, 2)
    return Codestream(bottom - top, right - left, samples, (depth & 0x7F) + 1, depth > 0x7F), at + 38 + 3 * samples


def _number(frame: bytes, at: int, size: int) -> int:
    if at + size > len(frame):
        raise IndexError
    return int.from_bytes(frame[at : at + size], "big")
