"""What makes two images the same image, and the name of a volume that follows from it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from operator import attrgetter

from pipeline.archive.formats.header import Header
from pipeline.archive.slices import Slice
from pipeline.archive.vault import Vault

_deciding = attrgetter(
    *("modality", "sop_class", "frame_of_reference", "shape", "position", "orientation", "spacing", "slice_thickness"),
    *("samples", "photometric", "bits_stored", "signed", "floating", "slope", "intercept", "rescale_type", "padding"),
    "frames",
)
"""What a copy of an image must share.  Transfer syntax and bits allocated are not of the image but of the copy."""


def content_id(header: Header) -> str:
    """SOP Instance UID and sha256 of the deciding facts; of a format without UIDs, that of its bytes."""
    if header.format != "dicom":
        return header.content
    facets = header.facets
    if header.instance:
        # An image that is sent anew may be numbered and dated anew; without a UID nothing else tells two apart.
        facets = facets._replace(number=None, acquired_s=None)
    facts = json.dumps((*_deciding(header), facets))
    return f"{header.instance} {sha256(facts.encode()).hexdigest()}"


def slice_id(one: Slice) -> str:
    """Content id of an image; of a part of a file, that of the file and which part it is."""
    whole = one.file.header
    if whole is None or whole.parts == 1:
        return content_id(one.header)
    return f"{content_id(one.header)} {one.part}"


def volume_id(vault: Vault, series: str, told: str, contents: Iterable[str]) -> str:
    """The name of the volume that is made of these contents, in whatever order they are met.

    ``told`` is the modality that no header states.  One slice or one label map more is another volume.
    """
    return vault.pseudonym("volume", json.dumps([series, told, sorted(contents)]))
