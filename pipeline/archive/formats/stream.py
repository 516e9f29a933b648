"""Voxels out of a stream of bytes, plain or deflated, whole or not at all."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Protocol

import numpy as np

from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_STEP = 1 << 24


class Readable(Protocol):
    """All that is asked of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, none at the end."""


class Inflated:
    """What a zlib (RFC 1950) or gzip (RFC 1952) stream holds, from where ``file`` stands.

    ``read`` raises EOFError where the stream is cut, zlib.error where it is damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def read(self, size: int, /) -> bytes:
        part = b""
        while not part and not self._inflater.eof:
            deflated = self._inflater.unconsumed_tail or self._file.read(1 << 16)
            if not deflated:
                raise EOFError
            part = self._inflater.decompress(deflated, size)
        return part


def skip(stream: Readable, nbytes: int) -> None:
    """Read so many bytes and keep none; raises Quarantine(TRUNCATED)."""
    while nbytes:
        try:
            part = stream.read(min(nbytes, _STEP))
        except EOFError:
            part = b""
        if not part:
            raise Quarantine(Reason.TRUNCATED)
        nbytes -= len(part)


def array_from(stream: Readable, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array of ``shape`` in native byte order, stored as ``dtype``; raises Quarantine(TRUNCATED)."""
    array = np.empty(shape, dtype)
    view = array.data.cast("B")
    try:
        while view.nbytes:
            part = stream.read(min(view.nbytes, _STEP))
            if not part:
                raise Quarantine(Reason.TRUNCATED)
            view[: len(part)] = part
            view = view[len(part) :]
        # At the end of a deflated stream its checksum is compared; nothing before that is known to be right.
        stream.read(1)
    except EOFError:
        raise Quarantine(Reason.TRUNCATED) from None
    return array.astype(array.dtype.newbyteorder("="), copy=False)
