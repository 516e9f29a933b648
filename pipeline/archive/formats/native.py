"""Native pixel data of a data set in memory: what cannot be read by offset.  Runs in the child process."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset

from pipeline.archive.formats import tags
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.pixels import stored_dtype
from pipeline.archive.formats.syntax import EXPLICIT_BIG
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def voxels(dataset: Dataset, header: Header, wanted: Sequence[int]) -> np.ndarray:
    """(len(wanted), rows, columns) in native byte order, all allocated bits; single bits become bytes of 0 and 1.

    Bits are packed from the lowest of each byte on, across rows and frames: DICOM PS3.5 8.1.1, annex D.
    Raises Quarantine(TRUNCATED) for less than the header promises.
    """
    element = next(dataset[tag] for tag in sorted(tags.PIXELS) if tag in dataset)
    dtype = stored_dtype(header)
    content = np.frombuffer(element.value, "u1")
    if header.transfer_syntax == EXPLICIT_BIG:
        if dtype.itemsize == 1 and element.VR == "OW":
            content = content[: content.size // 2 * 2].view("u2").byteswap().view("u1")
        dtype = dtype.newbyteorder(">")
    count, rows, columns = header.shape
    each = rows * columns
    out = np.empty((len(wanted), each), stored_dtype(header))
    if 8 * content.size < count * each * header.bits_allocated:
        raise Quarantine(Reason.TRUNCATED)
    for k, n in enumerate(wanted):
        if header.bits_allocated == 1:
            first, shift = divmod(n * each, 8)
            octets = content[first : first + (shift + each + 7) // 8]
            out[k] = np.unpackbits(octets, count=shift + each, bitorder="little")[shift:]
        else:
            out[k] = content[n * each * dtype.itemsize :][: each * dtype.itemsize].view(dtype)
    return out.reshape(len(wanted), rows, columns)
