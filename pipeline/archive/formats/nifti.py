"""NIfTI-1 and NIfTI-2 in one file, plain or gzipped, by nibabel.  Runs in the child process."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
from dataclasses import replace
from io import BufferedReader
from typing import BinaryIO, cast

import nibabel
import numpy as np

from pipeline.archive.formats import frames
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.limits import DEFLATE_RATIO, Limits, declared
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_NUMBERS = {f"{kind}{width}" for kind, widths in (("u", "1248"), ("i", "1248"), ("f", "48")) for width in widths}
_COLOURS = {128, 2304}
"""Datatype codes of RGB24 and RGBA32 (nifti1.h)."""

_MM = {1: 1000.0, 3: 0.001}
"""xyzt_units of space: metre and micrometre; all else is read as millimetre (nifti1.h)."""


def parse(file: BufferedReader, limits: Limits) -> tuple[Header, Reason | None]:
    """The header of an open file, and the reason for which the file is not converted.

    sform where sform_code > 0, else qform where qform_code > 0 (the order of nifti1.h, method 3 before
    method 2); neither is MISSING_GEOMETRY.  Raises what nibabel raises for a header that is none.
    """
    compressed, inside = _inside(file)
    raw = _header(inside)
    shape = tuple(int(n) for n in raw.get_data_shape())
    code = raw.get_data_dtype().str[1:]
    slope, intercept = (float(raw[field]) for field in ("scl_slope", "scl_inter"))
    scaled = math.isfinite(slope) and slope != 0
    file.seek(0)
    header = Header(
        format="nifti",
        shape=cast(tuple[int, int, int], (1, 1, 1, *shape[2::-1])[-3:]),
        dimensions=len(shape),
        bits_allocated=8 * raw.get_data_dtype().itemsize,
        bits_stored=8 * raw.get_data_dtype().itemsize,
        high_bit=8 * raw.get_data_dtype().itemsize - 1,
        signed=code[0] in "if",
        floating=code[0] == "f",
        slope=slope if scaled else 1.0,
        intercept=intercept if scaled and math.isfinite(intercept) else 0.0,
        content=hashlib.file_digest(file, "sha256").hexdigest(),
    )
    if int(raw["datatype"]) in _COLOURS:
        return header, Reason.COLOR
    if len(shape) < 2 or any(n != 1 for n in shape[3:]):
        return header, Reason.NOT_3D
    if code not in _NUMBERS or min(header.shape) < 1:
        return header, Reason.UNREADABLE
    if declared(header) > limits.declared_bytes:
        return header, Reason.BOMB_DECLARED
    size = os.fstat(file.fileno()).st_size
    needed = int(raw["vox_offset"]) + declared(header)
    if needed > size * (DEFLATE_RATIO if compressed else 1):
        return header, Reason.TRUNCATED
    try:
        return _placed(header, raw), None
    except Quarantine as refused:
        return header, refused.reason


def voxels(file: BufferedReader, header: Header) -> np.ndarray:
    """Stored values (k, j, i), in native byte order.

    Raises Quarantine(TRUNCATED) where the file ends too early.
    """
    _, inside = _inside(file)
    raw = _header(inside)
    array = np.empty(header.shape, raw.get_data_dtype())
    inside.seek(int(raw["vox_offset"]))
    view = array.data.cast("B")
    try:
        while view.nbytes:
            part = inside.read(min(view.nbytes, 1 << 24))
            if not part:
                raise Quarantine(Reason.TRUNCATED)
            view[: len(part)] = part
            view = view[len(part) :]
        # At the end of a gzip stream its checksum is compared; nothing before that is known to be right.
        inside.read(1)
    except EOFError:
        raise Quarantine(Reason.TRUNCATED) from None
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _inside(file: BufferedReader) -> tuple[bool, BinaryIO]:
    file.seek(0)
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return compressed, cast(BinaryIO, gzip.GzipFile(fileobj=file)) if compressed else file


def _header(inside: BinaryIO) -> nibabel.Nifti1Header:
    size = inside.read(4)
    inside.seek(0)
    kind = nibabel.Nifti2Header if 540 in (int.from_bytes(size, "little"), int.from_bytes(size, "big")) else None
    return (kind or nibabel.Nifti1Header).from_fileobj(inside)


def _placed(header: Header, raw: nibabel.Nifti1Header) -> Header:
    for form in (raw.get_sform, raw.get_qform):
        affine, code = form(coded=True)
        if affine is not None and code > 0:
            return replace(header, affine=frames.from_ras(affine, _MM.get(int(raw["xyzt_units"]) & 7, 1.0)))
    raise Quarantine(Reason.MISSING_GEOMETRY)
