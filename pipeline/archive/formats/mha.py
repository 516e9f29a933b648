"""MetaImage with its voxels in the same file: the fields of MetaIO that say where the voxels lie."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from pipeline.archive.formats import frames
from pipeline.archive.formats.layout import Fields, Layout, numbers, text_lines, wholes
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_TYPES = {
    "met_char": "i1", "met_uchar": "u1", "met_short": "i2", "met_ushort": "u2", "met_int": "i4", "met_uint": "u4",
    "met_long": "i4", "met_ulong": "u4", "met_long_long": "i8", "met_ulong_long": "u8",
    "met_float": "f4", "met_double": "f8",
}  # fmt: skip
"""MET_LONG has 32 bits on every machine."""

_TRUTH = {"true": True, "false": False}

_UNSCALED = {"elementtointensityfunctionslope": "1", "elementtointensityfunctionoffset": "0"}


def fields(file: BinaryIO) -> Fields:
    """All up to ElementDataFile, which ends the header and must say LOCAL: no name of a file is followed.

    Raises Quarantine(UNREADABLE), also for a field that stands twice.
    """
    found: Fields = {}
    for line in text_lines(file):
        name, equals, value = line.partition("=")
        name = name.strip().lower()
        if not equals or name in found:
            raise Quarantine(Reason.UNREADABLE)
        found[name] = value.strip().lower()
        if name == "elementdatafile":
            if line.rstrip() != "ElementDataFile = LOCAL":
                raise Quarantine(Reason.UNREADABLE)
            break
    return found


def layout(found: Fields, offset: int) -> Layout:
    """Where the voxels lie, from ``offset`` on.

    Raises KeyError or ValueError where a field is missing or malformed, Quarantine(UNSUPPORTED_TS) for
    voxels in text or after a gap.
    """
    sizes = wholes(found["dimsize"])
    if (len(sizes),) != wholes(found["ndims"]) or found.get("objecttype", "image") != "image":
        raise ValueError("not an image")
    if any(numbers(found.get(name, default), 1) != numbers(default, 1) for name, default in _UNSCALED.items()):
        raise ValueError("readers do not agree on this scaling")
    if not _TRUTH[found["binarydata"]] or found.get("headersize", "0") != "0":
        raise Quarantine(Reason.UNSUPPORTED_TS)
    big = _TRUTH[_either(found, "binarydatabyteordermsb", "elementbyteordermsb") or "false"]
    return Layout(
        offset=offset,
        sizes=sizes,
        samples=wholes(found.get("elementnumberofchannels", "1"))[0],
        dtype=np.dtype(_TYPES[found["elementtype"]]).newbyteorder(">" if big else "<"),
        deflated=_TRUTH[found.get("compresseddata", "false")],
    )


def affine(found: Fields) -> frames.Rows:
    """Row-major 16 numbers, index (k, j, i, 1) -> LPS mm; of one slice or a volume.

    MetaIO states what a missing field means: no offset, no turn.  A missing spacing is not taken for 1 mm.
    Raises Quarantine(MISSING_GEOMETRY), or ValueError for malformed numbers.
    """
    (n,) = wholes(found["ndims"])
    if "elementspacing" not in found or found.get("distanceunits", "mm") not in ("mm", "?"):
        raise Quarantine(Reason.MISSING_GEOMETRY)
    spacing = numbers(found["elementspacing"], n)
    origin = numbers(_either(found, "offset", "position", "origin") or "0 " * n, n)
    upright = " ".join(str(int(a == b)) for a in range(n) for b in range(n))
    turn = numbers(_either(found, "transformmatrix", "rotation", "orientation") or upright, n * n)
    steps = [tuple(cosine * spacing[axis] for cosine in turn[axis * n : axis * n + n]) for axis in range(n)]
    return frames.from_steps(steps, origin)


def _either(found: Fields, *names: str) -> str | None:
    """The one field that goes by several names."""
    stated = [found[name] for name in names if name in found]
    if len(stated) > 1:
        raise ValueError("one fact stated twice")
    return stated[0] if stated else None
