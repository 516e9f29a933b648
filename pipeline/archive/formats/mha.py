"""MetaImage, .mha and .mhd: the fields of MetaIO that say where the voxels lie."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from pipeline.archive.formats import frames
from pipeline.archive.formats.detached import plain
from pipeline.archive.formats.layout import Fields, Layout, numbers, text_lines, wholes
from pipeline.archive.formats.stream import DEFLATED, RAW
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_TYPES = {
    "met_char": "i1", "met_uchar": "u1", "met_short": "i2", "met_ushort": "u2", "met_int": "i4", "met_uint": "u4",
    "met_long": "i4", "met_ulong": "u4", "met_long_long": "i8", "met_ulong_long": "u8",
    "met_float": "f4", "met_double": "f8",
}  # fmt: skip
"""MET_LONG has 32 bits on every machine."""

_DATA = "elementdatafile"

_TRUTH = {"true": True, "false": False}

_UNSCALED = {"elementtointensityfunctionslope": "1", "elementtointensityfunctionoffset": "0"}


def fields(file: BinaryIO) -> Fields:
    """All up to ElementDataFile, which ends the header; values in lower case but for its own.

    Raises Quarantine(UNREADABLE), also for a field that stands twice, and for anything after the name of a file.
    """
    found: Fields = {}
    for line in text_lines(file, open_end=True):
        stated, equals, value = line.partition("=")
        name = stated.strip().lower()
        if not equals or name in found:
            raise Quarantine(Reason.UNREADABLE)
        found[name] = value.strip() if name == _DATA else value.strip().lower()
        if name == _DATA:
            ended = file.tell()
            if line.rstrip() != "ElementDataFile = LOCAL":
                # Letter case and spaces are read one way by one reader and another by the next.
                is_odd = stated.strip() != "ElementDataFile" or found[name].lower() == "local"
                if is_odd or file.read(1 << 10).strip():
                    raise Quarantine(Reason.UNREADABLE)
            file.seek(ended)
            break
    return found


def data_file(found: Fields) -> str:
    """The name of the file that holds the voxels, "" where they follow the header.

    Raises Quarantine: PATH_UNSAFE as ``detached.plain``, UNSUPPORTED_TS where a slice lies in a file of its own;
    KeyError where the field is missing.
    """
    stated = found[_DATA]
    if stated == "LOCAL":
        return ""
    if stated.upper().startswith("LIST") or "%" in stated:
        raise Quarantine(Reason.UNSUPPORTED_TS)
    return plain(stated)


def layout(found: Fields, offset: int) -> Layout:
    """Where the voxels lie, from ``offset`` on.  A fourth axis counts volumes.

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
        sizes=sizes[:3] if len(sizes) == 4 else sizes,
        samples=wholes(found.get("elementnumberofchannels", "1"))[0],
        dtype=np.dtype(_TYPES[found["elementtype"]]).newbyteorder(">" if big else "<"),
        encoding=DEFLATED if _TRUTH[found.get("compresseddata", "false")] else RAW,
        volumes=sizes[3] if len(sizes) == 4 else 1,
    )


def affine(found: Fields) -> frames.Rows:
    """Row-major 16 numbers, index (k, j, i, 1) -> LPS mm; of one slice, a volume, or each of several volumes.

    MetaIO states what a missing field means: no offset, no turn.  A missing spacing is not taken for 1 mm.
    Raises Quarantine(MISSING_GEOMETRY), also for a fourth axis that is turned into space; ValueError for
    malformed numbers.
    """
    (n,) = wholes(found["ndims"])
    if "elementspacing" not in found or found.get("distanceunits", "mm") not in ("mm", "?"):
        raise Quarantine(Reason.MISSING_GEOMETRY)
    spacing = numbers(found["elementspacing"], n)
    origin = numbers(_either(found, "offset", "position", "origin") or "0 " * n, n)
    upright = " ".join(str(int(a == b)) for a in range(n) for b in range(n))
    turn = numbers(_either(found, "transformmatrix", "rotation", "orientation") or upright, n * n)
    steps = [tuple(cosine * spacing[axis] for cosine in turn[axis * n : axis * n + n]) for axis in range(n)]
    if n == 4 and (any(steps[3][:3]) or any(step[3] for step in steps[:3])):
        raise Quarantine(Reason.MISSING_GEOMETRY)
    return frames.from_steps([step[:3] for step in steps[:3]], origin[:3])


def _either(found: Fields, *names: str) -> str | None:
    """The one field that goes by several names."""
    stated = [found[name] for name in names if name in found]
    if len(stated) > 1:
        raise ValueError("one fact stated twice")
    return stated[0] if stated else None
