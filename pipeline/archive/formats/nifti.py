"""NIfTI-1 and NIfTI-2, in one file or a pair, plain or gzipped, by nibabel.  Runs in the child process."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
from dataclasses import replace
from io import BufferedReader
from itertools import product
from typing import BinaryIO, NamedTuple, cast

import nibabel
import numpy as np

from pipeline.archive.formats import frames
from pipeline.archive.formats.header import Detached, Header
from pipeline.archive.formats.limits import DEFLATE_RATIO, Limits, bounded, declared
from pipeline.archive.formats.rescale import is_scaling
from pipeline.archive.formats.stream import DEFLATED, RAW, volume_from
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_NUMBERS = {f"{kind}{width}" for kind, widths in (("u", "1248"), ("i", "1248"), ("f", "48")) for width in widths}
_COLOURS = {128, 2304}
"""Datatype codes of RGB24 and RGBA32 (nifti1.h)."""

_VECTORS = {*range(1004, 1011), 2003, 2004}
"""intent_code of matrices, vectors, points and colours (nifti1.h): along the fourth axis are parts of one voxel."""

_CODES = range(1, 6)
"""sform_code and qform_code of a place in space (nifti1.h, and NIfTI-2's template of any kind)."""

_MM = {1: 1000.0, 3: 0.001}
"""xyzt_units of space: metre and micrometre; all else is read as millimetre (nifti1.h)."""


def parse(file: BufferedReader, limits: Limits) -> tuple[Header, Reason | None]:
    """The header of an open file, and the reason for which the file is not converted.

    sform where sform_code > 0, else qform where qform_code > 0 (the order of nifti1.h, method 3 before
    method 2); neither is MISSING_GEOMETRY, and so is Analyze 7.5, which does not tell left from right.  A fourth axis
    counts volumes.  Raises what nibabel raises for a header that is none.
    """
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    compressed, inside = _inside(file)
    header, block = Header(format="nifti", content=digest), _block(inside)
    if not block.is_single:
        header = replace(header, detached=Detached("", 0))
    if not block.is_nifti:
        return header, Reason.MISSING_GEOMETRY
    raw = block.header()
    shape = tuple(int(n) for n in raw.get_data_shape())
    code = raw.get_data_dtype().str[1:]
    slope, intercept = (float(raw[field]) for field in ("scl_slope", "scl_inter"))
    # A slope of zero says that there is no scaling (nifti1.h), and so does nibabel's not-a-number.
    scaled = slope != 0 and not math.isnan(slope)
    meant = not scaled or is_scaling(slope, intercept)
    header = replace(
        header,
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
        volumes=shape[3] if len(shape) > 3 else 1,
    )
    if int(raw["datatype"]) in _COLOURS:
        return header, Reason.COLOR
    is_vector = header.volumes > 1 and int(raw["intent_code"]) in _VECTORS
    if len(shape) < 2 or any(n != 1 for n in shape[4:]) or is_vector:
        return header, Reason.NOT_3D
    if not limits.allow(header):
        return header, Reason.BOMB_DECLARED
    begin = int(raw["vox_offset"])
    is_after = begin >= (raw.single_vox_offset if block.is_single else 0)
    is_sound = code in _NUMBERS and min(*header.shape, header.volumes) > 0 and is_after
    if not is_sound or not meant:
        return header, Reason.UNREADABLE
    needed = begin + declared(header)
    if not block.is_single:
        header = replace(header, detached=Detached("", needed))
    elif needed > file.seek(0, os.SEEK_END) * (DEFLATE_RATIO if compressed else 1):
        return header, Reason.TRUNCATED
    try:
        return _placed(header, raw), None
    except Quarantine as refused:
        return header, refused.reason


def voxels(file: BufferedReader, header: Header, volume: int = 0, data: BufferedReader | None = None) -> np.ndarray:
    """Stored values (k, j, i), in native byte order, of one of its volumes; ``data`` holds them, where not ``file``.

    Raises Quarantine(TRUNCATED) where the file ends too early.
    """
    _, inside = _inside(file)
    raw = _block(inside).header()
    source = data or file
    compressed, _ = _inside(source)
    encoding, begin = DEFLATED if compressed else RAW, int(raw["vox_offset"])
    volumes = int(raw.get_data_shape()[3]) if len(raw.get_data_shape()) > 3 else 1
    return volume_from(encoding.opened(source), header.shape, raw.get_data_dtype(), volume, volumes, begin=begin)


class _Block(NamedTuple):
    """The first bytes of a file, which say what the rest is."""

    raw: bytes
    is_second: bool

    @property
    def magic(self) -> bytes:
        return self.raw[4:7] if self.is_second else self.raw[344:347]

    @property
    def is_nifti(self) -> bool:
        return self.magic in (b"n+1", b"ni1", b"n+2", b"ni2")

    @property
    def is_single(self) -> bool:
        return self.magic in (b"n+1", b"n+2")

    def header(self) -> nibabel.Nifti1Header:
        kind = nibabel.Nifti2Header if self.is_second else nibabel.Nifti1Header
        # The check raises for what makes no header, and mends the rest in silence: it is given a copy.
        kind(self.raw)
        raw = kind(self.raw, check=False)
        # nifti1_io.c: whatever is not negative is +1; nibabel would refuse it.
        raw["pixdim"][0] = -1.0 if raw["pixdim"][0] < 0 else 1.0
        return raw


def _inside(file: BufferedReader) -> tuple[bool, BinaryIO]:
    file.seek(0)
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return compressed, cast(BinaryIO, gzip.GzipFile(fileobj=file)) if compressed else file


def _block(inside: BinaryIO) -> _Block:
    size = inside.read(4)
    is_second = 540 in (int.from_bytes(size, "little"), int.from_bytes(size, "big"))
    kind = nibabel.Nifti2Header if is_second else nibabel.Nifti1Header
    return _Block(size + inside.read(kind.template_dtype.itemsize - len(size)), is_second)


def _placed(header: Header, raw: nibabel.Nifti1Header) -> Header:
    """Raises Quarantine(MISSING_GEOMETRY), also for a code that nifti1.h does not know."""
    s_code, q_code = int(raw["sform_code"]), int(raw["qform_code"])
    mm = _MM.get(int(raw["xyzt_units"]) & 7, 1.0)
    qform = _qform(raw, mm) if q_code in _CODES else None
    if s_code in _CODES:
        sform = frames.from_ras(raw.get_sform(), mm)
        return replace(
            header, affine=sform, forms_apart_mm=None if qform is None else _apart(sform, qform, header.shape)
        )
    if s_code != 0 or qform is None:
        raise Quarantine(Reason.MISSING_GEOMETRY)
    return replace(header, affine=qform)


def _qform(raw: nibabel.Nifti1Header, mm: float) -> frames.Rows | None:
    """None where it is no frame: sizes are not repaired, and a quaternion is not stretched."""
    if not (raw["pixdim"][1:4] > 0).all():
        return None
    try:
        return frames.from_ras(raw.get_qform(), mm)
    except (ValueError, Quarantine):
        return None


def _apart(a: frames.Rows, b: frames.Rows, shape: tuple[int, int, int]) -> float:
    """The longest way, in mm, between the places of one corner voxel."""
    corners = np.array([(*corner, 1) for corner in product(*((0, n - 1) for n in shape))])
    ways = corners @ (np.array(a) - np.array(b)).reshape(4, 4).T
    return float(np.sqrt((ways[:, :3] ** 2).sum(axis=1)).max())
