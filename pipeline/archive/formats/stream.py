"""Voxels out of a stream of bytes, plain or compressed, whole or not at all."""

from __future__ import annotations

import bz2
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from typing import BinaryIO, Protocol

import numpy as np

from pipeline.archive.formats.inflate import Inflated
from pipeline.archive.formats.limits import DEFLATE_RATIO
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_STEP = 1 << 24


class Readable(Protocol):
    """All that is asked of a stream."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, none at the end."""


@dataclass(frozen=True)
class Encoding:
    """How voxels are written.

    Attributes
    ----------
    ratio : the most bytes of voxels that one byte of the file can stand for
    opened : the voxels, from where a file stands
    """

    ratio: int
    opened: Callable[[BinaryIO], Readable]


RAW = Encoding(1, lambda file: file)
DEFLATED = Encoding(DEFLATE_RATIO, Inflated)
BZIP2 = Encoding(45_900_000 // 20, bz2.BZ2File)
"""A block holds 900,000 bytes after runs of up to 255 became 5, and takes more than 20 (bzip2 1.0.8, compress.c)."""


def volume_from(
    stream: Readable,
    shape: tuple[int, ...],
    dtype: np.dtype,
    volume: int = 0,
    volumes: int = 1,
    *,
    run: int = 0,
    begin: int = 0,
) -> np.ndarray:
    """One of several volumes, in native byte order.

    All of a compressed stream is read whichever is asked for, at least once: only its end says whether it is whole.

    Parameters
    ----------
    shape, dtype : of one volume, as stored
    run : how many of its voxels follow one another before as many of the next volume do; 0: all
    begin : where the first volume begins, in bytes of the stream

    Raises
    ------
    Quarantine
        TRUNCATED where the stream ends too early; else what the stream raises for damage.
    """
    array = np.empty(shape, dtype)
    size = math.prod(shape)
    try:
        if run in (0, size):
            _skip(stream, begin + volume * array.nbytes)
            _fill(stream, array)
            _end(stream, (volumes - 1 - volume) * array.nbytes)
        else:
            _skip(stream, begin)
            rows = array.reshape(-1, run)
            step = max(1, _STEP // (volumes * run * dtype.itemsize))
            for first in range(0, len(rows), step):
                part = rows[first : first + step]
                together = np.empty((len(part), volumes, run), dtype)
                _fill(stream, together)
                part[:] = together[:, volume]
            _end(stream, 0)
    except EOFError:
        raise Quarantine(Reason.TRUNCATED) from None
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _end(stream: Readable, nbytes: int) -> None:
    """Where the checksum of a compressed stream is compared; nothing before that is known to be right."""
    if not (isinstance(stream, Inflated) and stream.is_whole):
        _skip(stream, nbytes)
        stream.read(1)


def _skip(stream: Readable, nbytes: int) -> None:
    if isinstance(stream, BufferedReader):
        stream.seek(nbytes, os.SEEK_CUR)
        return
    if isinstance(stream, Inflated):
        stream.skip(nbytes)
        return
    while nbytes:
        part = stream.read(min(nbytes, _STEP))
        if not part:
            raise EOFError
        nbytes -= len(part)


def _fill(stream: Readable, array: np.ndarray) -> None:
    view = array.data.cast("B")
    while view.nbytes:
        part = stream.read(min(view.nbytes, _STEP))
        if not part:
            raise EOFError
        view[: len(part)] = part
        view = view[len(part) :]
