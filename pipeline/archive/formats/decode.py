"""DICOM pixel data that cannot be taken from the file as they are.  Runs in the child process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from pipeline.archive.formats import codecs, native
from pipeline.archive.formats.codestream import Codestream, codestream
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.fragments import frames
from pipeline.archive.formats.header import NATIVE, Header
from pipeline.archive.formats.lut import modality_lut
from pipeline.archive.formats.mosaic import tiles
from pipeline.archive.formats.pixels import cut_to_stored, shape_of, stored_dtype
from pipeline.archive.formats.syntax import DEFLATED, JPEG, JPEG_2000, JPEG_LS, READABLE, RLE
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

CODECS: dict[str, tuple[codecs.Codec, ...]] = {
    **dict.fromkeys(JPEG, (codecs.gdcm, codecs.pillow)),
    **dict.fromkeys(JPEG_LS, (codecs.charls,)),
    **dict.fromkeys(JPEG_2000, (codecs.openjpeg,)),
}
"""First choice first: one fixed order, so that the same file gives the same voxels on every machine (law L4)."""


def voxels(file: BinaryIO, header: Header, parts: Sequence[int] | None = None) -> np.ndarray:
    """Stored values (frames, rows, columns), in native byte order, cut to the stored bits, and mapped by the modality
    LUT where there is one; of these frames, or of all.

    Raises Quarantine: UNSUPPORTED_TS for a syntax that is not ``READABLE``, TRUNCATED for a frame without its end,
    DECODE_FAIL where the pixel data are not what the header says or all decoders refuse them.
    """
    if header.transfer_syntax not in READABLE:
        raise Quarantine(Reason.UNSUPPORTED_TS)
    file.seek(0)
    dataset = pydicom.dcmread(file, force=True)
    if header.mosaic:
        whole = replace(header, shape=(1, int(dataset.Rows), int(dataset.Columns)), frames=(), mosaic=0)
        stored = tiles(_stored(dataset, whole, (0,)), header.shape, header.mosaic)
        stored = stored if parts is None else stored[list(parts)]
    else:
        stored = _stored(dataset, header, range(header.shape[0]) if parts is None else parts)
    return stored if header.lut_bits is None else modality_lut(Elements.of(dataset), header)(stored)


def _stored(dataset: Dataset, header: Header, parts: Sequence[int]) -> np.ndarray:
    plain = replace(header, lut_bits=None)
    if header.transfer_syntax in NATIVE | {DEFLATED}:
        return cut_to_stored(native.voxels(dataset, plain, parts), header)
    out = np.empty(shape_of(header, parts), stored_dtype(plain))
    encoded = frames(dataset.PixelData, header.shape[0])
    for k, n in enumerate(parts):
        out[k] = _run_lengths(encoded[n], plain) if header.transfer_syntax == RLE else _image(encoded[n], plain)
    return cut_to_stored(out, header) if header.transfer_syntax == RLE else out


def _run_lengths(frame: bytes, header: Header) -> np.ndarray:
    """DICOM PS3.5 annex G, by pylibjpeg-rle."""
    from rle import decode_pixel_data

    _, rows, columns = header.shape
    try:
        decoded = decode_pixel_data(frame, None, 2, rows=rows, columns=columns, bits_allocated=header.bits_allocated)
        return np.frombuffer(decoded, stored_dtype(header)).reshape(rows, columns)
    except BaseException as error:
        # A panic of Rust, for more values than there is room for, is no Exception.
        if isinstance(error, (MemoryError, KeyboardInterrupt, SystemExit)):
            raise
        raise Quarantine(Reason.DECODE_FAIL) from None


def _image(frame: bytes, header: Header) -> np.ndarray:
    code = codestream(frame)
    if code[:3] != (*header.shape[1:], 1) or code.precision > header.bits_allocated:
        raise Quarantine(Reason.DECODE_FAIL)
    for codec in CODECS[header.transfer_syntax]:
        try:
            array = codec(frame, code)
        except (MemoryError, OSError):
            raise
        except Exception:
            continue
        if array.shape == header.shape[1:] and array.dtype.kind in "iu":
            return _as_stored(array, code, header)
    raise Quarantine(Reason.DECODE_FAIL)


def _as_stored(array: np.ndarray, code: Codestream, header: Header) -> np.ndarray:
    """Samples of ``code.precision`` bits as the header has them: (rows, columns), of any integer type.

    A codestream holds values, so HighBit is of no account.  Its precision may be another than BitsStored:

    - More bits: a lossless codec kept the words that it was given, of which the stored bits count.  A lossy one gives
      values near those, and what it puts beyond the stored range is clipped to it.
    - Fewer: the values were small enough.

    JPEG 2000 says whether samples are signed.  Where it says otherwise than the header, or another codec of a signed
    image can say nothing, the header says what their bits mean (DICOM PS3.5 8.2.4).

    Raises Quarantine(DECODE_FAIL) where a sign could be read in two ways: no bit of the codestream, or several, may
    be that of the header.
    """
    bits, kept = code.precision, header.bits_stored
    told = code.signed == header.signed
    if told and bits <= kept:
        return array
    values = array.astype("i8")
    if told and header.lossy:
        low = -(1 << (kept - 1)) if header.signed else 0
        return values.clip(low, low + (1 << kept) - 1, out=values)
    unclear = header.lossy if bits > kept else header.signed and bits < kept and (values >> (bits - 1)).any()
    if not told and unclear:
        raise Quarantine(Reason.DECODE_FAIL)
    values &= (1 << min(bits, kept)) - 1
    if header.signed:
        values -= (values >> (kept - 1)) << kept
    return values
