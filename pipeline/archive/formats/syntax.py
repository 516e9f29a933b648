"""Transfer syntaxes: which are read, by which decoder, and which lose information."""

from __future__ import annotations

from pipeline.archive.formats.header import NATIVE

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"

_JPEG = "1.2.840.10008.1.2.4."

DECODERS: dict[str, tuple[str, ...]] = {
    RLE: ("pylibjpeg", "pydicom"),
    **{_JPEG + n: ("gdcm", "pillow") for n in ("50", "51")},
    **{_JPEG + n: ("gdcm",) for n in ("57", "70")},
    **{_JPEG + n: ("pyjpegls",) for n in ("80", "81")},
    **{_JPEG + n: ("pylibjpeg",) for n in ("90", "91", "201", "202", "203")},
}
"""Names of pydicom's decoding plugins, first choice first: one fixed order, so that the same file gives
the same voxels on every machine (law L4).  No decoder under the GPL is among them."""

AS_BITS = NATIVE | {DEFLATED, RLE}
"""Syntaxes that keep all BitsAllocated as they stand, overlays included; a JPEG keeps the value alone."""

READABLE = NATIVE | {DEFLATED} | frozenset(DECODERS)

LOSSY = frozenset(_JPEG + n for n in ("50", "51", "81"))
"""Always with loss.  .91 and .203 hold either; (0028,2110) of the header tells: DICOM PS3.3 C.7.6.1.1.5."""
