"""Objects of several frames for tests: enhanced ones by functional groups, mosaics, tomograms."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, NuclearMedicineImageStorage

from tests.archive import makers

Groups = Mapping[str, Mapping[str, Any]]
"""Keyword of a functional group sequence: what its item holds; a nested mapping is an item of its own."""


def item(facts: Mapping[str, Any]) -> Dataset:
    """A data set of these attributes; a mapping becomes a sequence of one item."""
    ds = Dataset()
    for keyword, value in facts.items():
        setattr(ds, keyword, Items([item(value)]) if isinstance(value, Mapping) else value)
    return ds


def placed(k: int, frame: np.ndarray | None = None) -> dict[str, dict[str, Any]]:
    """Plane Position of slice k of ``makers.affine()``, or of another affine."""
    place = ((makers.affine() if frame is None else frame) @ (k, 0, 0, 1))[:3].round(9).tolist()
    return {"PlanePositionSequence": {"ImagePositionPatient": place}}


def shared(oblique: bool = False, spacing: tuple[float, float, float] = (2.5, 0.8, 0.8)) -> dict[str, dict[str, Any]]:
    """What all frames have in common: orientation, pixel measures, rescale."""
    cosines = makers.orientation(oblique).ravel().round(9).tolist()
    return {
        "PlaneOrientationSequence": {"ImageOrientationPatient": cosines},
        "PixelMeasuresSequence": {"PixelSpacing": list(spacing[1:]), "SliceThickness": spacing[0]},
        "PixelValueTransformationSequence": {"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"},
    }


def enhanced(
    path: Path,
    per_frame: Sequence[Groups],
    of_all: Groups | None = None,
    pixels: np.ndarray | None = None,
    edit: Callable[[Dataset], None] | None = None,
    syntax: str = ExplicitVRLittleEndian,
    **overrides: Any,
) -> Path:
    """One enhanced object, of ``makers.voxels`` unless ``pixels`` (frames, rows, columns) are given."""
    pixels = makers.voxels((len(per_frame), 8, 8)) if pixels is None else pixels
    gone = ("PixelSpacing", "SliceThickness", "ImageOrientationPatient", "ImagePositionPatient")
    gone += ("RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth")
    facts: dict[str, Any] = {
        **dict.fromkeys(gone),
        "SOPClassUID": EnhancedMRImageStorage,
        "SOPInstanceUID": makers.uid("enhanced", path.name),
        "Modality": "MR",
        "NumberOfFrames": len(per_frame),
        "Rows": pixels.shape[1],
        "Columns": pixels.shape[2],
        "PixelData": pixels.tobytes(),
        "SharedFunctionalGroupsSequence": Items([item(shared() if of_all is None else of_all)]),
        "PerFrameFunctionalGroupsSequence": Items([item(groups) for groups in per_frame]),
    }
    ds = makers.dataset(pixels[0], **(facts | overrides))
    ds.file_meta.TransferSyntaxUID = syntax
    if edit is not None:
        edit(ds)
    return makers.write(ds, path)


def csa_header(values: Mapping[str, Sequence[str]], *, second: bool = True) -> bytes:
    """Siemens' header of these tags, in its second layout or its first."""
    parts = [b"SV10\4\3\2\1" if second else b"", struct.pack("<2i", len(values), 77)]
    counts = [6 if texts else 0 for texts in values.values()]
    for count, (name, texts) in zip(counts, values.items(), strict=True):
        parts.append(struct.pack("<64si4s3i", name.encode(), len(texts), b"FD\0\0", 4, count, 77))
        for n in range(count):
            text = texts[n].encode() + b"\0" if n < len(texts) else b""
            size = len(text) if second else len(text) + counts[0]
            parts.append(struct.pack("<4i", size, len(text), 77, len(text)) + text + b"\0" * (-len(text) % 4))
    return b"".join(parts)


def mosaic(path: Path, volume: np.ndarray, frame: np.ndarray, *, down: bool = False, **overrides: Any) -> Path:
    """A Siemens mosaic of ``volume`` [k, j, i] that lies on ``frame``, slices perpendicular to their normal.

    ``down``: the slices follow against row x column, as ``frame`` then says.
    """
    n, rows, columns = volume.shape
    side = math.ceil(math.sqrt(n))
    image = np.zeros((side * rows, side * columns), volume.dtype)
    for k, part in enumerate(volume):
        j, i = divmod(k, side)
        image[j * rows : (j + 1) * rows, i * columns : (i + 1) * columns] = part
    steps = frame[:3, :3]
    spacing = np.linalg.norm(steps, axis=0)
    cosines = steps / spacing
    corner = frame @ (0, -(side - 1) * rows / 2, -(side - 1) * columns / 2, 1)
    csa = csa_header(
        {
            "EchoLinePosition": ("32",),
            "NumberOfImagesInMosaic": (str(n),),
            "SliceNormalVector": tuple(f"{x:.8f}" for x in cosines[:, 0]),
        }
    )
    facts: dict[str, Any] = {
        "SOPClassUID": MRImageStorage,
        "SOPInstanceUID": makers.uid("mosaic", path.name),
        "Modality": "MR",
        "Manufacturer": "SIEMENS",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        "PixelSpacing": spacing[1:].tolist(),
        "SpacingBetweenSlices": float(spacing[0]),
        "ImageOrientationPatient": np.concatenate([cosines[:, 2], cosines[:, 1]]).round(9).tolist(),
        "ImagePositionPatient": corner[:3].round(9).tolist(),
        "RescaleSlope": None,
        "RescaleIntercept": None,
    }
    own = {key: overrides.pop(key, value) for key, value in {"csa": csa, "images": None}.items()}
    ds = makers.dataset(image, **(facts | overrides))
    if own["csa"] is not None:
        ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", own["csa"])
    if own["images"] is not None:
        ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", own["images"])
    return makers.write(ds, path)


def tomogram(path: Path, volume: np.ndarray, slots: int = 1, **overrides: Any) -> Path:
    """A reconstructed tomogram of nuclear medicine, slot by slot; ``volume`` [slot and k, j, i]."""
    count = len(volume)
    detector = {"ImagePositionPatient": [-12.5, 20.25, 100.0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    facts: dict[str, Any] = {
        "SOPClassUID": NuclearMedicineImageStorage,
        "Modality": "NM",
        "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO" if slots == 1 else "RECON GATED TOMO", "EMISSION"],
        "NumberOfFrames": count,
        "SliceVector": list(range(1, count // slots + 1)) * slots,
        "TimeSlotVector": None if slots == 1 else np.repeat(np.arange(1, slots + 1), count // slots).tolist(),
        "DetectorInformationSequence": Items([item(detector)]),
        "SpacingBetweenSlices": 2.5,
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "RescaleSlope": None,
        "RescaleIntercept": None,
        "PixelData": volume.tobytes(),
    }
    return makers.write(makers.dataset(volume[0], **(facts | overrides)), path)
