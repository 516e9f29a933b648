"""Compressed DICOM pixel data, by pydicom's decoders in one fixed order.  Runs in the child process."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom.pixels import get_decoder

from pipeline.archive.header import Header
from pipeline.archive.syntax import DECODERS, DEFLATED, RLE
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def voxels(file: BinaryIO, header: Header) -> np.ndarray:
    """Stored values (frames, rows, columns) of an encapsulated or deflated data set.

    The next decoder is tried where one refuses; where all do, Quarantine(DECODE_FAIL).
    Raises Quarantine(UNSUPPORTED_TS) for a syntax that ``DECODERS`` does not name.
    """
    syntax = header.transfer_syntax
    if syntax != DEFLATED and syntax not in DECODERS:
        raise Quarantine(Reason.UNSUPPORTED_TS)
    file.seek(0)
    dataset = pydicom.dcmread(file, force=True)
    decoder = get_decoder(pydicom.uid.UID(syntax))
    # JPEG decoders leave unused bits in a state of their own, which pydicom knows; the rest is bits as
    # they stand, which ``cut_to_stored`` handles with respect to HighBit.
    options: dict[str, Any] = {"correct_unused_bits": syntax not in (RLE, DEFLATED)}
    for plugin in DECODERS.get(syntax, ("",)):
        if plugin and plugin not in decoder.available_plugins:
            continue
        try:
            array, _ = decoder.as_array(dataset, decoding_plugin=plugin, **options)
        except (MemoryError, OSError):
            raise
        except Exception:
            continue
        return array.reshape(header.shape)
    raise Quarantine(Reason.DECODE_FAIL)
