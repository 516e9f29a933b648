"""One image to one encoded frame, by the encoders that come with the decoders."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import gdcm
import jpeg_ls
import numpy as np
import openjpeg.utils
import pydicom
from PIL import Image
from pydicom.uid import UID

from tests.archive import makers


def jpeg_2000(pixels: np.ndarray, bits: int, ratio: float | None = None) -> bytes:
    """As signed as the array; with loss where a compression ratio is given."""
    ratios = None if ratio is None else [ratio]
    return bytes(openjpeg.utils.encode_array(pixels, bits_stored=bits, compression_ratios=ratios))


def jpeg_ls_frame(pixels: np.ndarray, bits: int, error: int = 0) -> bytes:
    """``pixels`` unsigned: JPEG-LS knows no sign."""
    encoded = jpeg_ls.encode_pixel_data(
        pixels.tobytes(),
        lossy_error=error,
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=1,
        bits_allocated=8 * pixels.itemsize,
        bits_stored=bits,
        photometric_interpretation="MONOCHROME2",
        pixel_representation=0,
    )
    return bytes(encoded)


def jpeg_8(pixels: np.ndarray) -> bytes:
    """Baseline, by Pillow."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "jpeg", quality=95)
    return out.getvalue()


def jpeg(path: Path, process: str) -> bytes:
    """The frame of a native file of one frame, by GDCM, which leaves the file in this form.

    ``process`` is a name of GDCM's TransferSyntax: JPEGExtendedProcess2_4, JPEGLosslessProcess14 ...
    """
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, process)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path))
    assert writer.Write()
    return next(pydicom.encaps.generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))


def jpeg_12(blocks: np.ndarray) -> bytes:
    """(j, i) values of 0 .. 4095, each made 8 x 8 samples, in sequential JPEG of 12 bits: exact, since only their means
    are coded (ISO 10918-1 F.1, annex C)."""
    rows, columns = 8 * np.array(blocks.shape)
    bits, last = "", 0
    for value in blocks.ravel().tolist():
        # The mean of a block, less half the range, is 1/8 of its first cosine; the quantisation step is 8.
        change, last = value - 2048 - last, value - 2048
        size = abs(change).bit_length()
        coded = change if change >= 0 else change + (1 << size) - 1
        bits += f"{size:05b}" + (f"{coded:0{size}b}" if size else "") + "0"
    bits += "1" * (-len(bits) % 8)
    scan = bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    means = bytes(
        [0x00, 0, 0, 0, 0, 16, *[0] * 11, *range(16)]
    )  # sixteen codes of five bits, of which each is its size
    ends = bytes([0x10, 1, *[0] * 15, 0])  # one code of one bit: end of block
    size_of = np.array([rows, columns], ">u2").tobytes()
    segments = {
        0xDB: bytes([0, *[8] * 64]),
        0xC1: bytes([12, *size_of, 1, 1, 0x11, 0]),
        0xC4: means + ends,
        0xDA: bytes([1, 1, 0x00, 0, 63, 0]),
    }
    head = b"".join(bytes([0xFF, kind, 0, len(body) + 2]) + body for kind, body in segments.items())
    return b"\xff\xd8" + head + scan + b"\xff\xd9"


def encapsulated(
    folder: Path, frames: list[bytes], syntax: str, shape: tuple[int, int], fragments: int = 1, table: bool = True,
    **overrides: Any,
) -> Path:  # fmt: skip
    """A file of such frames, each in so many fragments, with a basic offset table or without."""
    overrides = {"NumberOfFrames": len(frames) if len(frames) > 1 else None} | overrides
    ds = makers.dataset(np.zeros(shape, "u2"), **overrides)
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.PixelData = pydicom.encaps.encapsulate(frames, fragments_per_frame=fragments, has_bot=table)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return makers.write(ds, folder / "one.dcm")
