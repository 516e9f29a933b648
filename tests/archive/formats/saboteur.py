"""A child process that does what hostile files make decoders do, when a file begins with the word for it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.archive.formats import reading
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.limits import Limits

_parsed, _voxels, _texts = reading.parsed, reading.voxels, reading.texts


def act(word: str, limits: Limits) -> None:
    """Die, hang, print into the answers or take all memory, as the word says."""
    match word:
        case "CRASH":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "STALL":
            time.sleep(60)
        case "CHATTER":
            sys.stdout.buffer.write(b"a decoder that prints\n")
        case "GREED":
            bytearray(limits.memory_bytes)


def parsed(path: str, limits: Limits) -> reading.Parsed:
    """As the real one, but for files that begin with a word."""
    try:
        act(Path(path).read_bytes()[:16].decode("latin-1").split(" ")[0], limits)
    except MemoryError as error:
        return reading.Parsed(None, reading._reason(error, reading.Reason.UNREADABLE))
    return _parsed(path, limits)


def voxels(path: str, header: Header, *how: Any) -> np.ndarray:
    """As the real one, but for headers whose patient is a word."""
    act(header.patient, Limits())
    return _voxels(path, header, *how)


def texts(path: str, limits: Limits, version: tuple[int, int] | None = None) -> dict[str, str]:
    """As the real one, but for files that begin with a word."""
    act(Path(path).read_bytes()[:16].decode("latin-1").split(" ")[0], limits)
    return _texts(path, limits, version)


if __name__ == "__main__":
    reading.parsed, reading.voxels, reading.texts = parsed, voxels, texts
    reading.main(sys.argv[1:])
