"""Which fragments of encapsulated pixel data make which frame: DICOM PS3.5 A.4."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from pydicom.encaps import generate_fragments, parse_basic_offsets

from pipeline.archive.formats.codestream import starts
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def frames(encapsulated: bytes, count: int) -> list[bytes]:
    """The ``count`` encoded frames of pixel data, their fragments joined.

    One frame is all fragments; as many fragments as frames are one each, whatever a basic or extended offset table
    says.  More fragments are shared out by the basic offset table where it fits them, else by where a codestream
    begins.  Raises Quarantine(DECODE_FAIL) where neither gives ``count`` frames.
    """
    offsets = parse_basic_offsets(encapsulated)
    # The table is an item like the fragments: tag, length, four bytes an entry.
    fragments = list(generate_fragments(encapsulated[8 + 4 * len(offsets) :]))
    if count == 1 and len(offsets) < 2:
        return [b"".join(fragments)]
    if len(fragments) == count:
        return fragments
    begins = _by_table(fragments, offsets) or [n for n, fragment in enumerate(fragments) if starts(fragment)]
    if len(begins) != count or begins[0] != 0:
        raise Quarantine(Reason.DECODE_FAIL)
    return [b"".join(fragments[a:b]) for a, b in pairwise([*begins, len(fragments)])]


def _by_table(fragments: Sequence[bytes], offsets: Sequence[int]) -> list[int]:
    """First fragment of each frame; none where the table does not point to the first and on to others."""
    number = {at: n for n, at in enumerate(accumulate((8 + len(f) for f in fragments[:-1]), initial=0))}
    begins = [number.get(at, -1) for at in offsets]
    return begins if begins[:1] == [0] and all(a < b for a, b in pairwise(begins)) else []
