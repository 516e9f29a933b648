"""What a file is, by its first bytes; names say nothing."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import Literal

from pipeline.archive.formats.header import Format
from pipeline.reasons import Reason

HEAD = 4096
"""Bytes that ``sniff`` wants to see."""

_NIFTI = {(348, 344): (b"n+1\0", b"ni1\0"), (540, 4): (b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n")}
"""(sizeof_hdr, where the magic stands) -> magic of one file, magic of a pair; NIfTI-1.1 and -2."""

_DOCUMENTS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"mimetype", b"META-INF/")
"""First member of office documents (ECMA-376, OpenDocument), books and Java programs: zips that are one thing."""
_ANALYZE = {1: 1, 2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24}
"""Datatype -> bits a voxel, of Analyze 7.5 (dbh.h)."""

_META_KEYS = (b"ObjectType", b"NDims", b"Comment", b"ObjectSubType", b"Name", b"ID", b"BinaryData")


class Container(StrEnum):
    """What holds other files: a zip, a tar, a tar that is gzipped."""

    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"


def sniff(head: bytes) -> Format | Container | Reason:
    """The format of a file that begins with ``head``, or why it is not read."""
    if not head:
        return Reason.EMPTY_FILE
    if head[128:132] == b"DICM" or _is_bare_dicom(head):
        return "dicom"
    if head[:2] == b"\x1f\x8b":
        inside = _inflated(head)
        if _is_nifti(inside):
            return "nifti"
        return Container.GZIP if _is_tar(inside) else Reason.NOT_AN_IMAGE
    if head[:4] == b"PK\3\4":
        return Reason.NOT_AN_IMAGE if head.startswith(_DOCUMENTS, 30) else Container.ZIP
    if _is_tar(head):
        return Container.TAR
    if head[:4] == b"NRRD":
        return "nrrd"
    if head.startswith(_META_KEYS) and b"NDims" in head:
        return "mha"
    return "nifti" if _is_nifti(head) else Reason.NOT_AN_IMAGE


def _is_bare_dicom(head: bytes) -> bool:
    """A data set without preamble: its first element is of group 0002 or 0008 and short.

    DICOM PS3.5 7.1: tag, then a VR in capitals (explicit) or a 32-bit length (implicit).
    """
    if len(head) < 16:
        return False
    for order in ("little", "big"):
        group, element = (int.from_bytes(head[a : a + 2], order) for a in (0, 2))
        if group in (0x0002, 0x0008) and element <= 0x0070:
            explicit = head[4:6] in (b"UL", b"OB", b"UI", b"CS", b"SH", b"DA", b"TM", b"LO", b"ST", b"SQ", b"DT")
            length = int.from_bytes(head[4:8], "little")
            return explicit or (order == "little" and group == 0x0008 and 0 < length <= 256)
    return False


def _is_tar(head: bytes) -> bool:
    """POSIX.1 ustar, and GNU's own (tar.h: the magic of both); a tar of before 1988 has none."""
    return head[257:262] == b"ustar"


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEAD)
    except zlib.error:
        return b""


def _is_nifti(head: bytes) -> bool:
    """Also the header of a pair, and of Analyze 7.5, which nifti.parse refuses."""
    for (size, at), magics in _NIFTI.items():
        if size in (int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")):
            return head[at:].startswith(magics) or _is_analyze(head)
    return False


def _is_analyze(head: bytes) -> bool:
    """There is no magic: the length of the header, dim[0], and a datatype of so many bits have to do (dbh.h)."""
    order: Literal["little", "big"] = "little" if head[:1] == b"\x5c" else "big"
    size, dimensions, kind, bits = (int.from_bytes(head[a:b], order) for a, b in ((0, 4), (40, 42), (70, 72), (72, 74)))
    return size == 348 and 1 <= dimensions <= 7 and _ANALYZE.get(kind) == bits
