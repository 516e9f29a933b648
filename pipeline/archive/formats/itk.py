"""MHA and NRRD in one file, by SimpleITK.  Runs in the child process."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from io import BufferedReader
from typing import cast

import numpy as np
import SimpleITK as sitk

from pipeline.archive.formats import frames
from pipeline.archive.formats.header import Format, Header
from pipeline.archive.formats.limits import DEFLATE_RATIO, Limits, declared
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_MOST_TEXT = 1 << 16

_READERS = {"mha": "MetaImageIO", "nrrd": "NrrdImageIO"}

_TYPES = {
    **{getattr(sitk, f"sitkVector{kind}" if vector else f"sitk{kind}"): (dtype, vector)
       for vector in (False, True)
       for kind, dtype in {
           "UInt8": "u1", "Int8": "i1", "UInt16": "u2", "Int16": "i2", "UInt32": "u4", "Int32": "i4",
           "UInt64": "u8", "Int64": "i8", "Float32": "f4", "Float64": "f8"}.items()},
}  # fmt: skip

_NRRD_SPACES = {
    *("left-posterior-superior", "lps", "right-anterior-superior", "ras", "left-anterior-superior", "las"),
}
"""Patient spaces that ITK turns to LPS; any other would pass unturned."""


def parse(file: BufferedReader, limits: Limits, form: Format) -> tuple[Header, Reason | None]:
    """The header of an open file, and the reason for which the file is not converted.

    A header that names another file for its voxels is UNREADABLE: such a name is never followed.  One
    that does not say how the image lies in the patient is MISSING_GEOMETRY.  Raises RuntimeError where
    ITK does.
    """
    fields, offset = _fields(file, form)
    file.seek(0)
    header = Header(format=form, content=hashlib.file_digest(file, "sha256").hexdigest())
    if not _is_attached(fields, form):
        return header, Reason.UNREADABLE
    reader = _reader(file, form)
    size = reader.GetSize()
    dtype, vector = _TYPES.get(reader.GetPixelID(), ("", False))
    bits = 8 * np.dtype(dtype).itemsize if dtype else 0
    header = replace(
        header,
        shape=cast(tuple[int, int, int], (1, 1, 1, *size[2::-1])[-3:]),
        dimensions=len(size),
        samples=reader.GetNumberOfComponents(),
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=dtype[:1] in ("i", "f"),
        floating=dtype[:1] == "f",
    )
    if vector or header.samples != 1:
        return header, Reason.COLOR if header.samples in (3, 4) and dtype == "u1" else Reason.NOT_3D
    if len(size) not in (2, 3):
        return header, Reason.NOT_3D
    if not dtype or min(header.shape) < 1:
        return header, Reason.UNREADABLE
    if declared(header) > limits.declared_bytes:
        return header, Reason.BOMB_DECLARED
    if declared(header) > (os.fstat(file.fileno()).st_size - offset) * _expansion(fields, form):
        return header, Reason.TRUNCATED
    try:
        if not _states_place(fields, form):
            raise Quarantine(Reason.MISSING_GEOMETRY)
        affine = frames.from_itk(reader.GetOrigin(), reader.GetSpacing(), reader.GetDirection())
    except Quarantine as refused:
        return header, refused.reason
    return replace(header, affine=affine), None


def voxels(file: BufferedReader, header: Header) -> np.ndarray:
    """Stored values (k, j, i).  Raises RuntimeError where ITK does."""
    image = _reader(file, header.format).Execute()
    return sitk.GetArrayFromImage(image).reshape(header.shape)


def _reader(file: BufferedReader, form: Format) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    # Chosen by content, not by the ending of a name; and names need not be text.
    reader.SetImageIO(_READERS[form])
    reader.SetFileName(f"/dev/fd/{file.fileno()}")
    reader.ReadImageInformation()
    return reader


def _fields(file: BufferedReader, form: Format) -> tuple[dict[str, str], int]:
    """The text header, keys in lower case, and its length: NRRD to the empty line, MHA to ElementDataFile."""
    file.seek(0)
    found: dict[str, str] = {}
    lines = iter(lambda: file.readline(_MOST_TEXT), b"")
    total = 0
    for line in lines:
        total += len(line)
        text = line.decode("latin-1").strip()
        if total > _MOST_TEXT or (form == "nrrd" and not text):
            break
        key, _, value = text.partition(":" if form == "nrrd" else "=")
        found[key.strip().lower()] = value.strip(" =\t").lower()
        if "elementdatafile" in found:
            break
    return found, total


def _is_attached(fields: dict[str, str], form: Format) -> bool:
    if form == "nrrd":
        return not {"data file", "datafile"} & set(fields)
    return fields.get("elementdatafile") == "local"


def _states_place(fields: dict[str, str], form: Format) -> bool:
    if form == "nrrd":
        return fields.get("space") in _NRRD_SPACES and "space directions" in fields
    return "elementspacing" in fields


def _expansion(fields: dict[str, str], form: Format) -> float:
    """The most bytes of voxels that one byte of the file can hold."""
    if form == "nrrd":
        return {"raw": 1, "gzip": DEFLATE_RATIO, "gz": DEFLATE_RATIO}.get(fields.get("encoding", ""), float("inf"))
    plain = fields.get("compresseddata") != "true" and fields.get("binarydata") == "true"
    return 1 if plain else DEFLATE_RATIO
