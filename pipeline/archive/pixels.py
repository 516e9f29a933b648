"""Voxels of one file: as stored, read by offset or through a child; and rescaled to their units."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import numpy as np

from pipeline.archive.header import Header
from pipeline.archive.syntax import EXPLICIT_BIG
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

if TYPE_CHECKING:
    from pipeline.archive.child import Child


def stored_dtype(header: Header) -> np.dtype:
    """Of the voxels as stored, in native byte order: u1 .. i8, f4, f8."""
    kind = "f" if header.floating else "i" if header.signed else "u"
    return np.dtype(f"{kind}{header.bits_allocated // 8}")


def stored(
    path: str | os.PathLike[str],
    header: Header,
    child: Child,
    out: np.ndarray | None = None,
    *,
    size: int | None = None,
    mtime_ns: int | None = None,
) -> np.ndarray:
    """Stored values (k, j, i) of one file: ``by_offset`` where that can be, else through the child.

    Parameters and exceptions are those of ``by_offset`` and ``Child.pixels``; a file that is not of
    ``size`` and ``mtime_ns``, where given, is CHANGED on either way.
    """
    if header.pixel_offset is not None:
        return by_offset(path, header, out, size=size, mtime_ns=mtime_ns)
    try:
        status = os.lstat(path)
    except OSError as error:
        raise Quarantine(_refusal(error)) from None
    if size not in (None, status.st_size) or mtime_ns not in (None, status.st_mtime_ns):
        raise Quarantine(Reason.CHANGED)
    return child.pixels(path, header, out)


def by_offset(
    path: str | os.PathLike[str],
    header: Header,
    out: np.ndarray | None = None,
    *,
    size: int | None = None,
    mtime_ns: int | None = None,
) -> np.ndarray:
    """Native pixel data straight from the file, nothing parsed.

    Parameters
    ----------
    header : one whose ``pixel_offset`` is set
    out : C-contiguous array of ``header.shape`` and ``stored_dtype(header)`` to read into
    size, mtime_ns : of the file when it was scanned, checked where given

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
    array = np.empty(header.shape, stored_dtype(header)) if out is None else out
    if array.shape != header.shape or array.dtype != stored_dtype(header) or not array.flags.c_contiguous:
        raise ValueError("the array to read into has another shape, type or order than the voxels")
    element = bytes.fromhex(header.pixel_element)
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(file)
            if (
                not stat.S_ISREG(status.st_mode)
                or size not in (None, status.st_size)
                or mtime_ns not in (None, status.st_mtime_ns)
                or os.pread(file, len(element), header.pixel_offset - len(element)) != element
            ):
                raise Quarantine(Reason.CHANGED)
            if header.transfer_syntax == EXPLICIT_BIG:
                _read_big_endian(file, header.pixel_offset, array, words=element[4:6] == b"OW")
            else:
                _read(file, header.pixel_offset, array)
        finally:
            os.close(file)
    except OSError as error:
        raise Quarantine(_refusal(error)) from None
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


def rescaled(stored: np.ndarray, slope: float | np.ndarray = 1.0, intercept: float | np.ndarray = 0.0) -> np.ndarray:
    """``slope * stored + intercept`` (DICOM PS3.3 C.11.1.1.2), exact in 16 bits wherever that is possible.

    Parameters
    ----------
    stored : (n, j, i) numbers
    slope, intercept : one number, or (n,), one a slice

    Returns
    -------
    int16 where every slope, intercept and stored value is a whole number and every result fits; else
    uint16 where it fits that; else float32, computed in float64 and rounded once.  The type follows
    from the values alone.  NaN and infinities stay what they are, in float32.  The array may be
    ``stored`` itself where there is nothing to do.
    """
    n = len(stored)
    slopes = np.broadcast_to(np.asarray(slope, "f8"), n)
    intercepts = np.broadcast_to(np.asarray(intercept, "f8"), n)
    dtype = _exact_dtype(stored, slopes, intercepts)
    if stored.dtype == dtype and (slopes == 1).all() and (intercepts == 0).all():
        return stored
    out = np.empty(stored.shape, dtype)
    for k in range(n):
        if dtype.kind == "f":
            with np.errstate(over="ignore", invalid="ignore"):
                out[k] = stored[k].astype("f8") * slopes[k] + intercepts[k]
        else:
            # Arithmetic modulo 2**16 is exact where the result fits, which is known by now.
            low = stored[k].astype("i8" if stored.dtype.kind == "f" else stored.dtype, copy=False)
            words = out[k].view("u2")
            np.multiply(low.astype("u2"), np.uint16(int(slopes[k]) % 65536), out=words)
            np.add(words, np.uint16(int(intercepts[k]) % 65536), out=words)
    return out


def _exact_dtype(stored: np.ndarray, slopes: np.ndarray, intercepts: np.ndarray) -> np.dtype:
    whole = _are_whole(slopes) and _are_whole(intercepts)
    if not whole or not stored.size or not all(_are_whole(part) for part in stored):
        return np.dtype("f4" if stored.size else "i2")
    low, high = [], []
    for k, part in enumerate(stored):
        ends = [int(end) * int(slopes[k]) + int(intercepts[k]) for end in (part.min(), part.max())]
        low.append(min(ends))
        high.append(max(ends))
    for dtype in (np.dtype("i2"), np.dtype("u2")):
        limits = np.iinfo(dtype)
        if limits.min <= min(low) and max(high) <= limits.max:
            return dtype
    return np.dtype("f4")


def _are_whole(numbers: np.ndarray) -> bool:
    if numbers.dtype.kind != "f":
        return True
    return bool(np.isfinite(numbers).all()) and bool((np.trunc(numbers) == numbers).all())


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


def _refusal(error: OSError) -> Reason:
    """A file that is gone or has become a link is not the one that was scanned."""
    if isinstance(error, PermissionError):
        return Reason.PERMISSION
    return Reason.CHANGED if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR) else Reason.UNREADABLE_IO
