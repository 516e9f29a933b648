"""The images of a series, one by one, whether they come in files of their own or as frames of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.archive.formats.header import Header
from pipeline.archive.index import File


class Slice(NamedTuple):
    """One image: a DICOM file or a frame of it, or one volume of a file of another format.

    ``header`` is that of this image alone.
    """

    file: File
    part: int
    header: Header


def slices(files: Iterable[File]) -> list[Slice]:
    """All images of these files, each of which has a header; a broken file, whatever it promises, counts as one."""
    headed = ((f, f.header) for f in files if f.header is not None)
    return [Slice(f, n, h.part(n)) for f, h in headed for n in range(h.parts if f.reason is None else 1)]
