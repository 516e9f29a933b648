"""MHA and NRRD: a text header, then the voxels, in the same file or in one beside it.  Runs in the child process.

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
from pipeline.archive.formats.header import Detached, Format, Header
from pipeline.archive.formats.limits import Limits, bounded, declared
from pipeline.archive.formats.stream import volume_from
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def parse(file: BufferedReader, limits: Limits, form: Format) -> tuple[Header, Reason | None]:
    """The header of an open file, and the reason for which the file is not converted.

    A header that names another file for its voxels is believed: whether there is one, and how long it is, is for
    others to see.  One that does not say how the image lies in the patient is MISSING_GEOMETRY.
    """
    file.seek(0)
    header = Header(format=form, content=hashlib.file_digest(file, "sha256").hexdigest())
    reader = mha if form == "mha" else nrrd
    try:
        fields = reader.fields(file)
        name = reader.data_file(fields)
        header = replace(header, detached=Detached(name, 0) if name else None)
        layout = reader.layout(fields, 0 if name else file.tell())
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
            volumes=layout.volumes,
        )
        if layout.samples != 1:
            return header, Reason.COLOR if layout.samples in (3, 4) and layout.dtype == "u1" else Reason.NOT_3D
        if len(layout.sizes) not in (2, 3):
            return header, Reason.NOT_3D
        if min(*layout.sizes, layout.volumes) < 1:
            return header, Reason.UNREADABLE
        if not limits.allow(header):
            return header, Reason.BOMB_DECLARED
        least = -(-declared(header) // layout.encoding.ratio)
        if name:
            header = replace(header, detached=Detached(name, least))
        elif least > file.seek(0, os.SEEK_END) - layout.offset:
            return header, Reason.TRUNCATED
        return replace(header, affine=reader.affine(fields)), None
    except Quarantine as refused:
        return header, refused.reason
    except (KeyError, ValueError):
        return header, Reason.UNREADABLE


def voxels(file: BufferedReader, header: Header, volume: int = 0, data: BufferedReader | None = None) -> np.ndarray:
    """Stored values (k, j, i), in native byte order, of one of its volumes; ``data`` holds them, where not ``file``.

    Raises Quarantine(TRUNCATED), or zlib.error or OSError for a damaged stream.
    """
    reader = mha if header.format == "mha" else nrrd
    layout = reader.layout(reader.fields(file), 0 if data else file.tell())
    source = data or file
    source.seek(layout.offset)
    stream = layout.encoding.opened(source)
    return volume_from(stream, header.shape, layout.dtype, volume, layout.volumes, run=layout.run)
