"""MHA and NRRD in one file: a text header, then the voxels.  Runs in the child process.

Both are read here, without ITK.  ITK opens whatever file such a header names, and its rules of what a header
says (letter case, line ends, lengths) cannot be followed from outside closely enough to stop it (law L8).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from io import BufferedReader

import numpy as np

from pipeline.archive.formats import mha, nrrd
from pipeline.archive.formats.header import Format, Header
from pipeline.archive.formats.limits import DEFLATE_RATIO, Limits, bounded, declared
from pipeline.archive.formats.stream import Inflated, array_from, skip
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def parse(file: BufferedReader, limits: Limits, form: Format) -> tuple[Header, Reason | None]:
    """The header of an open file, and the reason for which the file is not converted.

    A header that names another file for its voxels is UNREADABLE, one that does not say how the image lies
    in the patient MISSING_GEOMETRY.
    """
    file.seek(0)
    header = Header(format=form, content=hashlib.file_digest(file, "sha256").hexdigest())
    reader = mha if form == "mha" else nrrd
    try:
        fields = reader.fields(file)
        layout = reader.layout(fields, file.tell())
        bits = 8 * layout.dtype.itemsize
        header = replace(
            header,
            shape=bounded((1, 1, 1, *layout.sizes[2::-1])),
            dimensions=len(layout.sizes),
            samples=layout.samples,
            bits_allocated=bits,
            bits_stored=bits,
            high_bit=bits - 1,
            signed=layout.dtype.kind in "if",
            floating=layout.dtype.kind == "f",
        )
        if layout.samples != 1:
            return header, Reason.COLOR if layout.samples in (3, 4) and layout.dtype == "u1" else Reason.NOT_3D
        if len(layout.sizes) not in (2, 3):
            return header, Reason.NOT_3D
        if min(layout.sizes) < 1:
            return header, Reason.UNREADABLE
        if not limits.allow(header):
            return header, Reason.BOMB_DECLARED
        available = file.seek(0, os.SEEK_END) - layout.offset
        if declared(header) > available * (DEFLATE_RATIO if layout.deflated else 1):
            return header, Reason.TRUNCATED
        return replace(header, affine=reader.affine(fields)), None
    except Quarantine as refused:
        return header, refused.reason
    except (KeyError, ValueError):
        return header, Reason.UNREADABLE


def voxels(file: BufferedReader, header: Header, volume: int = 0) -> np.ndarray:
    """Stored values (k, j, i), in native byte order, of one of ``header.volumes``.

    Raises Quarantine(TRUNCATED), or zlib.error.
    """
    reader = mha if header.format == "mha" else nrrd
    layout = reader.layout(reader.fields(file), file.tell())
    file.seek(layout.offset)
    stream = Inflated(file) if layout.deflated else file
    skip(stream, volume * declared(header))
    return array_from(stream, header.shape, layout.dtype)
