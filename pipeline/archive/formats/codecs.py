"""One encoded frame to an array, by one library each.  Runs in the child process.

None under the GPL is among them.  Whatever they raise means that they refuse the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np

from pipeline.archive.formats.codestream import Codestream

Codec = Callable[[bytes, Codestream], np.ndarray]
"""Takes one encoded frame, and what it says of itself; gives (rows, columns) samples of its ``precision``."""


def openjpeg(frame: bytes, code: Codestream) -> np.ndarray:
    """JPEG 2000 and its high-throughput form, by OpenJPEG."""
    import openjpeg

    array: np.ndarray = openjpeg.decode(frame)
    return array


def charls(frame: bytes, code: Codestream) -> np.ndarray:
    """JPEG-LS, by CharLS."""
    import jpeg_ls

    decoded, _ = jpeg_ls.decode_buffer(frame)
    return np.frombuffer(decoded, _words(code)).reshape(code.rows, code.columns)


def gdcm(frame: bytes, code: Codestream) -> np.ndarray:
    """JPEG of 8 to 16 bits, lossless or not, by the three builds of libjpeg (8, 12, 16 bits) in GDCM.

    It is told the codestream's own precision: told another, it converts.
    """
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    words = _words(code)
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((code.columns, code.rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    # One reader for all JPEG processes: it goes by the frame's markers.
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    image.SetPixelFormat(gdcm.PixelFormat(1, 8 * words.itemsize, code.precision, code.precision - 1, 0))
    # It hands bytes over as text; where it refuses, as None.
    decoded = image.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(decoded, words).reshape(code.rows, code.columns)


def pillow(frame: bytes, code: Codestream) -> np.ndarray:
    """JPEG of 8 bits, by Pillow."""
    from PIL import Image

    with Image.open(BytesIO(frame), formats=("JPEG",)) as image:
        return np.asarray(image)


def _words(code: Codestream) -> np.dtype:
    return np.dtype("u1" if code.precision <= 8 else "<u2")
