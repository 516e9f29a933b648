"""Voxels in a file of their own: by which name the one that belongs to a header is known (law L8).

A header may name a file of its own folder and no other.  The name is never a path: the scan looks it up among the
files that it met, and what it met is what is read.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from pipeline.errors import Quarantine
from pipeline.reasons import Reason

_LONGEST = 255
"""Bytes of a file name: NAME_MAX of Linux."""

_UNSAFE = re.compile(rb"[/\\\x00-\x1f]")
_LAST = re.compile(r"[^/\0]*\Z")
_HEADER_OF_A_PAIR = re.compile(r"(.+)\.(hdr|HDR)(\.gz)?", re.DOTALL)


class Data(NamedTuple):
    """The file that holds the voxels of another, as the scan met it."""

    path: str
    size: int
    mtime_ns: int


def plain(stated: str) -> str:
    """The name of a file, in the manner of ``os.fsdecode``, that a header states, read as latin-1; "./" may lead it.

    Raises Quarantine(PATH_UNSAFE) for anything that is more than the name of a file beside the header.
    """
    name = stated.removeprefix("./").encode("latin-1")
    if not 0 < len(name) <= _LONGEST or name in (b".", b"..") or _UNSAFE.search(name):
        raise Quarantine(Reason.PATH_UNSAFE)
    return os.fsdecode(name)


def sibling(path: str, name: str) -> str:
    """The path of the file of this name in the folder of ``path``."""
    return _LAST.sub(lambda _: name, path, count=1)


def images_of(path: str) -> tuple[str, ...]:
    """The names that the voxels of a NIfTI pair may have, likeliest first; none where ``path`` is no name of a header.

    A.hdr goes with A.img, A.hdr.gz with A.img.gz, and either may be compressed alone (nifti1_io.c, nifti_findimgname).
    """
    found = _HEADER_OF_A_PAIR.fullmatch(_LAST.findall(path)[0])
    if found is None:
        return ()
    image = f"{found[1]}.{'img' if found[2] == 'hdr' else 'IMG'}"
    return (f"{image}.gz", image) if found[3] else (image, f"{image}.gz")
