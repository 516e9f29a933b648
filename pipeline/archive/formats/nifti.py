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
from pipeline.archive.formats.limits import DEFLATE_RATIO, Limits, bounded, declared
from pipeline.archive.formats.rescale import is_scaling
from pipeline.archive.formats.stream import array_from
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_NUMBERS = {f"{kind}{width}" for kind, widths in (("u", "1248"), ("i", "1248"), ("f", "48")) for width in widths}
_COLOURS = {128, 2304}
"""Datatype codes of RGB24 and RGBA32 (nifti1.h)."""

_CODES = range(1, 6)
"""sform_code and qform_code of a place in space (nifti1.h, and NIfTI-2's template of any kind)."""

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
    # A slope of zero says that there is no scaling (nifti1.h), and so does nibabel's not-a-number.
    scaled = slope != 0 and not math.isnan(slope)
    meant = not scaled or is_scaling(slope, intercept)
    file.seek(0)
    header = Header(
        format="nifti",
        shape=bounded((1, 1, 1, *shape[2::-1])),
        dimensions=len(shape),
        bits_allocated=8 * raw.get_data_dtype().itemsize,
        bits_stored=8 * raw.get_data_dtype().itemsize,
        high_bit=8 * raw.get_data_dtype().itemsize - 1,
        signed=code[0] in "if",
        floating=code[0] == "f",
        slope=slope if scaled and meant else 1.0,
        intercept=intercept if scaled and meant else 0.0,
        rescale_stated=scaled,
        content=hashlib.file_digest(file, "sha256").hexdigest(),
    )
    if int(raw["datatype"]) in _COLOURS:
        return header, Reason.COLOR
    if len(shape) < 2 or any(n != 1 for n in shape[3:]):
        return header, Reason.NOT_3D
    if not limits.allow(header):
        return header, Reason.BOMB_DECLARED
    is_sound = code in _NUMBERS and min(header.shape) > 0 and raw["vox_offset"] >= raw.single_vox_offset
    if not is_sound or not meant:
        return header, Reason.UNREADABLE
    size = file.seek(0, os.SEEK_END)
    needed = int(raw["vox_offset"]) + declared(header)
    if needed > size * (DEFLATE_RATIO if compressed else 1):
        return header, Reason.TRUNCATED
    try:
        return _placed(header, raw), None
    except Quarantine as refused:
        return header, refused.reason


def voxels(file: BufferedReader, header: Header, volume: int = 0) -> np.ndarray:
    """Stored values (k, j, i), in native byte order, of one of ``header.volumes``.

    Raises Quarantine(TRUNCATED) where the file ends too early.
    """
    _, inside = _inside(file)
    raw = _header(inside)
    inside.seek(int(raw["vox_offset"]) + volume * declared(header))
    return array_from(inside, header.shape, raw.get_data_dtype())


def _inside(file: BufferedReader) -> tuple[bool, BinaryIO]:
    file.seek(0)
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return compressed, cast(BinaryIO, gzip.GzipFile(fileobj=file)) if compressed else file


def _header(inside: BinaryIO) -> nibabel.Nifti1Header:
    size = inside.read(4)
    inside.seek(0)
    is_second = 540 in (int.from_bytes(size, "little"), int.from_bytes(size, "big"))
    kind = nibabel.Nifti2Header if is_second else nibabel.Nifti1Header
    block = inside.read(kind.template_dtype.itemsize)
    # The check raises for what makes no header, and mends the rest in silence: it is given a copy.
    kind(block)
    raw = kind(block, check=False)
    # nifti1_io.c: whatever is not negative is +1; nibabel would refuse it.
    raw["pixdim"][0] = -1.0 if raw["pixdim"][0] < 0 else 1.0
    return raw


def _placed(header: Header, raw: nibabel.Nifti1Header) -> Header:
    """Raises Quarantine(MISSING_GEOMETRY), also for a code that nifti1.h does not know."""
    s_code, q_code = int(raw["sform_code"]), int(raw["qform_code"])
    pixdim = raw["pixdim"][1:4]
    if s_code in _CODES:
        affine = raw.get_sform()
    elif s_code == 0 and q_code in _CODES and (pixdim > 0).all():
        affine = raw.get_qform()
    else:
        raise Quarantine(Reason.MISSING_GEOMETRY)
    return replace(header, affine=frames.from_ras(affine, _MM.get(int(raw["xyzt_units"]) & 7, 1.0)))
