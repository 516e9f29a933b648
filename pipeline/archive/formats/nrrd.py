"""NRRD, .nrrd and .nhdr: the fields of the format's definition, and no other."""

from __future__ import annotations

import math
import re
from typing import BinaryIO, Literal

import numpy as np

from pipeline.archive.formats import frames
from pipeline.archive.formats.detached import plain
from pipeline.archive.formats.layout import Fields, Layout, numbers, text_lines, wholes
from pipeline.archive.formats.stream import BZIP2, DEFLATED, RAW
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_FIELDS = {
    "datafile", "type", "dimension", "sizes", "encoding", "endian", "byteskip", "lineskip", "kinds",
    "space", "spacedimension", "spaceunits", "spacedirections", "spaceorigin", "measurementframe",
    "spacings", "thicknesses", "axismins", "axismaxs", "centers", "centerings", "labels", "units",
    "content", "number", "min", "max", "oldmin", "oldmax", "sampleunits",
}  # fmt: skip
"""Without the spaces.  Not among them: the block size."""

_TYPES = {
    name: dtype
    for dtype, names in {
        "i1": ("signed char", "int8", "int8_t"),
        "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
        "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
        "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
        "i4": ("int", "signed int", "int32", "int32_t"),
        "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
        "i8": (
            "longlong",
            "long long",
            "long long int",
            "signed long long",
            "signed long long int",
            "int64",
            "int64_t",
        ),
        "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
        "f4": ("float",),
        "f8": ("double",),
    }.items()
    for name in names
}

_ENCODINGS = {"raw": RAW, "gzip": DEFLATED, "gz": DEFLATED, "bzip2": BZIP2, "bz2": BZIP2}

_ENDIAN: dict[str, Literal["<", ">"]] = {"little": "<", "big": ">"}

_SPACES = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1.0, -1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1.0, -1.0, 1.0)),
}
"""Patient spaces, and the signs that turn them to LPS."""

_OF_SPACE = {"domain", "space", "none", "???"}
"""Kinds of an axis along which the same thing is measured at another place."""

_SERIES = {"list", "time"}
"""Kinds of an axis that counts volumes; of all others (vectors, colours, tensors) each voxel has a part."""

_STEP = re.compile(r"none|\(([^()]*)\)")


def fields(file: BinaryIO) -> Fields:
    """All up to the empty line or the end, names without spaces, values in lower case but for that of the data file.

    Comments and free key/value pairs are left out.  Raises Quarantine(UNREADABLE), also for a field that stands
    twice or is none of ``_FIELDS``.
    """
    lines = text_lines(file)
    if not re.fullmatch(r"NRRD000[1-5]", next(lines, "")):
        raise Quarantine(Reason.UNREADABLE)
    found: Fields = {}
    for line in lines:
        if not line:
            break
        name, colon, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):
            continue
        name = name.lower().replace(" ", "")
        if not colon or name in found or name not in _FIELDS:
            raise Quarantine(Reason.UNREADABLE)
        found[name] = value.strip() if name == "datafile" else value.strip().lower()
        if _is_list(found):
            break
    return found


def data_file(found: Fields) -> str:
    """The name of the file that holds the voxels, "" where they follow the header.

    Raises Quarantine: PATH_UNSAFE as ``detached.plain``, UNSUPPORTED_TS where they lie in several files.
    """
    if "datafile" not in found:
        return ""
    if _is_list(found) or "%" in found["datafile"]:
        raise Quarantine(Reason.UNSUPPORTED_TS)
    return plain(found["datafile"])


def layout(found: Fields, offset: int) -> Layout:
    """Where the voxels lie, from ``offset`` on.  One axis of ``_SERIES``, wherever it stands, counts volumes.

    Raises KeyError or ValueError where a field is missing or malformed, Quarantine(UNSUPPORTED_TS) for
    voxels in text or after a gap.
    """
    sizes = wholes(found["sizes"])
    if (len(sizes),) != wholes(found["dimension"]):
        raise ValueError("sizes that are not of this dimension")
    if found["encoding"] not in _ENCODINGS or {found.get("byteskip", "0"), found.get("lineskip", "0")} != {"0"}:
        raise Quarantine(Reason.UNSUPPORTED_TS)
    kinds = found["kinds"].split() if "kinds" in found else ["???"] * len(sizes)
    steps = _steps(found) or [() if kind in _OF_SPACE else None for kind in kinds]
    axes = list(zip(kinds, steps, sizes, strict=True))
    of_space = [n for n, (kind, step, _) in enumerate(axes) if kind in _OF_SPACE and step is not None]
    series = [n for n, (kind, step, _) in enumerate(axes) if kind in _SERIES and step is None]
    rest = set(range(len(axes))) - set(of_space) - set(series if len(series) == 1 else ())
    dtype = np.dtype(_TYPES[found["type"]])
    return Layout(
        offset=offset,
        sizes=tuple(sizes[n] for n in of_space),
        samples=math.prod(sizes[n] for n in rest),
        dtype=dtype.newbyteorder(_ENDIAN[found["endian"]]) if dtype.itemsize > 1 else dtype,
        encoding=_ENCODINGS[found["encoding"]],
        volumes=sizes[series[0]] if len(series) == 1 else 1,
        run=math.prod(sizes[: series[0]]) if len(series) == 1 else 0,
    )


def affine(found: Fields) -> frames.Rows:
    """Row-major 16 numbers, index (k, j, i, 1) -> LPS mm.

    Raises Quarantine(MISSING_GEOMETRY) where the header does not say all of it, in millimetres and in a
    space of the patient; ValueError for malformed numbers.
    """
    steps = [step for step in _steps(found) if step is not None]
    units = found.get("spaceunits", '"mm"')
    if (
        found.get("space") not in _SPACES
        or len(steps) != 3
        or "spaceorigin" not in found
        or "spacings" in found
        or set(re.findall(r'"([^"]*)"', units)) != {"mm"}
    ):
        raise Quarantine(Reason.MISSING_GEOMETRY)
    signs = _SPACES[found["space"]]
    origin = numbers(found["spaceorigin"].removeprefix("(").removesuffix(")"), 3)
    turned = [tuple(sign * part for sign, part in zip(signs, vector, strict=True)) for vector in (*steps, origin)]
    return frames.from_steps(turned[:3], turned[3])


def _is_list(found: Fields) -> bool:
    """Names of files follow, one a line, to the end."""
    return found.get("datafile", "").split()[:1] == ["LIST"]


def _steps(found: Fields) -> list[tuple[float, ...] | None]:
    """One vector an axis, None for an axis that is not of space; none at all where the field is missing."""
    text = found.get("spacedirections", "")
    if _STEP.sub("", text).strip():
        raise ValueError("not a list of vectors")
    inside = (match[1] for match in _STEP.finditer(text))
    return [None if part is None else numbers(part, part.count(",") + 1) for part in inside]
