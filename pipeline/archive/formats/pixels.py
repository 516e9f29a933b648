"""Native pixel data: straight from the file by offset, and which of their bits are the voxel."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pipeline.archive.formats.header import Header
from pipeline.archive.formats.opening import descriptor, known
from pipeline.archive.formats.syntax import EXPLICIT_BIG
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def stored_dtype(header: Header) -> np.dtype:
    """Of the voxels as ``voxels.stored`` gives them, in native byte order: u1 .. i8, f4, f8.

    Single bits take a byte each; what a modality LUT gives is u1 or u2.
    """
    if header.lut_bits is not None:
        return np.dtype("u1" if header.lut_bits <= 8 else "u2")
    kind = "f" if header.floating else "i" if header.signed else "u"
    return np.dtype(f"{kind}{max(1, header.bits_allocated // 8)}")


def shape_of(header: Header, parts: Sequence[int] | None) -> tuple[int, int, int]:
    """(k, j, i) of what is read where ``parts`` are asked for: frames of a DICOM object, one volume of another file."""
    if parts is None or header.format != "dicom":
        return header.shape
    return len(parts), *header.shape[1:]


def by_offset(
    path: str | os.PathLike[str],
    header: Header,
    out: np.ndarray | None = None,
    *,
    parts: Sequence[int] | None = None,
    size: int | None = None,
    mtime_ns: int | None = None,
) -> np.ndarray:
    """Native pixel data straight from the file, nothing parsed.

    Parameters
    ----------
    path : a plain place (``Place.is_plain``)
    header : one whose ``pixel_offset`` is set
    out : C-contiguous array of ``shape_of(header, parts)`` and ``stored_dtype(header)`` to read into
    parts : frames to read, in their order; None: all
    size, mtime_ns : of the file when it was scanned, checked where both are given

    Returns
    -------
    (k, j, i) array of stored values: in native byte order, cut to the stored bits (``cut_to_stored``)

    Raises
    ------
    Quarantine
        CHANGED where the file is gone, or its size, time or the element header before the pixel data differ;
        PERMISSION or UNREADABLE_IO where the file cannot be read.
    """
    if header.pixel_offset is None:
        raise ValueError("only native pixel data can be read by offset")
    shape = shape_of(header, parts)
    array = np.empty(shape, stored_dtype(header)) if out is None else out
    if array.shape != shape or array.dtype != stored_dtype(header) or not array.flags.c_contiguous:
        raise ValueError("the array to read into has another shape, type or order than the voxels")
    element = bytes.fromhex(header.pixel_element)
    try:
        with descriptor(path, known(size, mtime_ns)) as (file, start):
            begin = start + header.pixel_offset
            if os.pread(file, len(element), begin - len(element)) != element:
                raise Quarantine(Reason.CHANGED)
            for first, run in _runs(parts, array):
                offset = begin + first * run[0].nbytes
                if header.transfer_syntax == EXPLICIT_BIG:
                    _read_big_endian(file, offset, run, words=element[4:6] == b"OW")
                else:
                    _read(file, offset, run)
    except OSError as error:
        raise Quarantine(refusal(error)) from None
    return cut_to_stored(array, header)


def cut_to_stored(array: np.ndarray, header: Header) -> np.ndarray:
    """Keep the BitsStored bits that end at HighBit, in place; sign-extended where signed.

    What stands in the other bits (overlays of old scanners, mostly) is not part of a voxel: DICOM PS3.5
    8.1.1.  Floating-point voxels have no such bits.
    """
    above = header.bits_allocated - 1 - header.high_bit
    unused = header.bits_allocated - header.bits_stored
    if header.floating or unused <= 0:
        return array
    if not header.signed and above == unused:
        return np.bitwise_and(array, array.dtype.type((1 << header.bits_stored) - 1), out=array)
    np.left_shift(array, above, out=array)
    return np.right_shift(array, unused, out=array)


def _runs(parts: Sequence[int] | None, array: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(first frame, where to read it and those that follow it in the file)."""
    if parts is None:
        return [(0, array)]
    starts = [0, *(n for n, (a, b) in enumerate(pairwise(parts), 1) if b != a + 1), len(parts)]
    return [(parts[a], array[a:b]) for a, b in pairwise(starts) if a < b]


def _read(file: int, offset: int, array: np.ndarray) -> None:
    view = array.data.cast("B")
    while view.nbytes:
        count = os.preadv(file, [view], offset)
        if count == 0:
            raise Quarantine(Reason.CHANGED)
        view, offset = view[count:], offset + count


def _read_big_endian(file: int, offset: int, array: np.ndarray, *, words: bool) -> None:
    if array.itemsize > 1 or not words:
        _read(file, offset, array)
        array.byteswap(inplace=True)
        return
    # Bytes in OW are the halves of 16-bit words, and swapped with them: DICOM PS3.5 7.3, 8.1.1.
    halves = np.empty(array.size + array.size % 2, "u1")
    _read(file, offset, halves)
    halves.view("u2").byteswap(inplace=True)
    array.reshape(-1).view("u1")[:] = halves[: array.size]


def refusal(error: OSError) -> Reason:
    """Why a scanned file cannot be opened: one that is gone or has become a link is not the one that was scanned."""
    if isinstance(error, PermissionError):
        return Reason.PERMISSION
    return Reason.CHANGED if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR) else Reason.UNREADABLE_IO
