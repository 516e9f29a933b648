"""NRRD with its voxels in the same file, gzip; a label map as 3D Slicer's segmentations are.

Fields: https://teem.sourceforge.net/nrrd/format.html.  Segments: the documentation of 3D Slicer, "Segmentations",
storage as ``.seg.nrrd``.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator

from pipeline.export.coding import CATEGORIES
from pipeline.export.description import description, plain
from pipeline.export.nifti import LEVEL
from pipeline.export.published import Content
from pipeline.structure import Structure

_TYPES = {
    "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32", "i8": "int64",
    "u8": "uint64", "f4": "float", "f8": "double",
}  # fmt: skip


def encode(content: Content) -> dict[str, bytes]:
    """{suffix of a file: its bytes}: ``.nrrd``, of a label map ``.seg.nrrd``.  The affine is kept as it is, in LPS."""
    array, labels = plain(content.volume), content.volume.kind == "labels"
    affine = content.volume.grid.affine
    lines = [
        "NRRD0005",
        f"type: {_TYPES[array.dtype.str[1:]]}",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: " + " ".join(str(n) for n in reversed(array.shape)),
        "space directions: " + " ".join(_vector(affine[:3, axis]) for axis in (2, 1, 0)),
        "kinds: domain domain domain",
        'space units: "mm" "mm" "mm"',
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(affine[:3, 3])}",
        *(f"{key}:={value}" for key, value in _pairs(content)),
        *_segments(content.structures),
    ]
    head = "\n".join(lines).encode() + b"\n\n"
    voxels = gzip.compress(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(), LEVEL, mtime=0)
    return {".seg.nrrd" if labels else ".nrrd": head + voxels}


def _vector(numbers: Iterable[float]) -> str:
    return "(" + ",".join(repr(float(number)) for number in numbers) + ")"


def _pairs(content: Content) -> Iterator[tuple[str, str]]:
    for key, value in description(content).items():
        if key not in ("affine_kji_to_lps_mm", "labels"):
            yield f"scanmill.{key}", value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _segments(structures: Iterable[Structure]) -> Iterator[str]:
    for n, structure in enumerate(structures):
        name = _plain(structure.name)
        yield f"Segment{n}_ID:=Segment_{structure.value}"
        yield f"Segment{n}_Name:={name}"
        yield f"Segment{n}_LabelValue:={structure.value}"
        yield f"Segment{n}_Layer:=0"
        if structure.code is not None:
            category = CATEGORIES.get(structure.category, "Segmentation property")
            meaning = _plain(structure.meaning or structure.name)
            codes = f"SCT^{structure.category}^{category}~SCT^{structure.code}^{meaning}"
            yield f"Segment{n}_Tags:=TerminologyEntry:Segmentation category and type~{codes}~^^~~^^~^^|"


def _plain(text: str) -> str:
    """One line of ASCII, without the signs that set terms apart."""
    return " ".join(text.encode("ascii", "replace").decode().translate(dict.fromkeys(map(ord, "^~|"), " ")).split())
