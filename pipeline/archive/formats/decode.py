"""DICOM pixel data by pydicom's decoders, in one fixed order.  Runs in the child process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import FileDataset
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder

from pipeline.archive.formats.header import Header
from pipeline.archive.formats.mosaic import tiles
from pipeline.archive.formats.pixels import shape_of
from pipeline.archive.formats.syntax import AS_BITS, DECODERS, READABLE
from pipeline.errors import Quarantine
from pipeline.reasons import Reason


def voxels(file: BinaryIO, header: Header, parts: Sequence[int] | None = None) -> np.ndarray:
    """Stored values (frames, rows, columns), in native byte order; of these frames, or of all.

    The next decoder is tried where one refuses; where all do, Quarantine(DECODE_FAIL).
    Raises Quarantine(UNSUPPORTED_TS) for a syntax that is not ``READABLE``.
    """
    syntax = header.transfer_syntax
    if syntax not in READABLE:
        raise Quarantine(Reason.UNSUPPORTED_TS)
    file.seek(0)
    dataset = pydicom.dcmread(file, force=True)
    decoder = get_decoder(pydicom.uid.UID(syntax))
    # Each JPEG decoder leaves unused bits in a state of its own, which pydicom knows; of bits as they
    # stand it does not respect HighBit, and ``cut_to_stored`` does.
    options: dict[str, Any] = {"correct_unused_bits": syntax not in AS_BITS}
    for plugin in DECODERS.get(syntax, ("",)):
        if plugin and plugin not in decoder.available_plugins:
            continue
        try:
            array = _voxels(decoder, dataset, header, parts, options | {"decoding_plugin": plugin})
        except (MemoryError, OSError):
            raise
        except Exception:
            continue
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    raise Quarantine(Reason.DECODE_FAIL)


def _voxels(
    decoder: Decoder, dataset: FileDataset, header: Header, parts: Sequence[int] | None, options: dict[str, Any]
) -> np.ndarray:
    if not header.mosaic:
        return _frames(decoder, dataset, parts, options).reshape(shape_of(header, parts))
    slices = tiles(_frames(decoder, dataset, None, options), header.shape, header.mosaic)
    return slices if parts is None else slices[list(parts)]


def _frames(decoder: Decoder, dataset: FileDataset, parts: Sequence[int] | None, options: dict[str, Any]) -> np.ndarray:
    if parts is None:
        whole, _ = decoder.as_array(dataset, **options)
        return whole
    return np.stack([decoder.as_array(dataset, index=n, **options)[0] for n in parts])
