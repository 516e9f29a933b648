"""What MHA and NRRD have in common: lines of text that say how the voxels lie, after them or in another file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from pipeline.archive.formats.stream import Encoding
from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_MOST_TEXT = 1 << 20
_CONTROL = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")

Fields = dict[str, str]
"""The header, by name of the field in lower case."""


@dataclass(frozen=True)
class Layout:
    """How voxels lie in a file.

    Attributes
    ----------
    offset : of their first byte in the file that they are in
    sizes : of the axes of space, fastest first
    samples : numbers at each voxel
    dtype : as stored, byte order included
    encoding : of all of them
    volumes : how many there are
    run : voxels of one volume that lie together, as in ``volume_from``
    """

    offset: int
    sizes: tuple[int, ...]
    samples: int
    dtype: np.dtype
    encoding: Encoding
    volumes: int = 1
    run: int = 0


def text_lines(file: BinaryIO, *, open_end: bool = False) -> Iterator[str]:
    """Lines from the start of a file to its end, without their ends; ``file`` stands after the last one taken.

    Raises Quarantine(UNREADABLE) for a line that does not end (but for the last one of the file, where ``open_end``),
    a header of more than 1 MiB, or a control character in it (a bare CR above all: some readers end a line there).
    """
    file.seek(0)
    left = _MOST_TEXT
    while line := file.readline(left):
        left -= len(line)
        text = line.removesuffix(b"\n").removesuffix(b"\r")
        ends = line.endswith(b"\n") or (open_end and left > 0)
        if not ends or _CONTROL.search(text):
            raise Quarantine(Reason.UNREADABLE)
        yield text.decode("latin-1")
    if not left:
        raise Quarantine(Reason.UNREADABLE)


def wholes(text: str) -> tuple[int, ...]:
    """Counts set apart by spaces; raises ValueError for anything else."""
    parts = text.split()
    if not parts or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError("not a list of counts")
    return tuple(map(int, parts))


def numbers(text: str, count: int) -> tuple[float, ...]:
    """``count`` numbers set apart by spaces or commas; raises ValueError for anything else."""
    parts = text.replace(",", " ").split()
    if len(parts) != count or "_" in text:
        raise ValueError("not so many numbers")
    return tuple(map(float, parts))
