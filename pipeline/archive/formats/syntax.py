"""Transfer syntaxes: which are read, and which lose information."""

from __future__ import annotations

from pipeline.archive.formats.header import NATIVE

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"

_JPEG = "1.2.840.10008.1.2.4."

JPEG = frozenset(_JPEG + n for n in ("50", "51", "57", "70"))
JPEG_LS = frozenset(_JPEG + n for n in ("80", "81"))
JPEG_2000 = frozenset(_JPEG + n for n in ("90", "91", "201", "202", "203"))

READABLE = NATIVE | {DEFLATED, RLE} | JPEG | JPEG_LS | JPEG_2000

LOSSY = frozenset(_JPEG + n for n in ("50", "51", "81"))
"""Always with loss.  .91 and .203 hold either; (0028,2110) of the header tells: DICOM PS3.3 C.7.6.1.1.5."""
