"""NIfTI-1, gzip, with a JSON file beside it: the same volume gives the same bytes."""

from __future__ import annotations

import gzip
import json

import nibabel
import numpy as np

from pipeline.export.description import description, plain
from pipeline.export.published import Content
from pipeline.grid import Grid
from pipeline.orientation import SHEAR

LEVEL = 1
"""Of gzip: what more is saved by a higher one costs several times the seconds."""

_SCANNER = 1
"""NIFTI_XFORM_SCANNER_ANAT: coordinates of the scanner."""


def encode(content: Content) -> dict[str, bytes]:
    """{suffix of a file: its bytes}: ``.nii.gz`` and ``.json``.

    Index order is turned to (i, j, k) and LPS to RAS.  sform holds the whole affine, qform as well where the axes are
    perpendicular; a volume that does not lie in the patient has neither.
    """
    image = nibabel.Nifti1Image(plain(content.volume).T, None)
    header, grid = image.header, content.volume.grid
    header.set_zooms(grid.spacing[::-1])
    if content.anatomical:
        ras = to_ras(grid)
        image.set_sform(ras, _SCANNER)
        if _perpendicular(ras):
            image.set_qform(ras, _SCANNER, strip_shears=False)
    header.set_xyzt_units("mm" if content.facts.get("spacing_source") != "none" else "unknown")
    if content.volume.kind == "labels":
        header.set_intent("label", (), content.output[:15])
    sidecar = json.dumps(description(content), indent=1, sort_keys=True, allow_nan=False)
    return {".nii.gz": gzip.compress(image.to_bytes(), LEVEL, mtime=0), ".json": sidecar.encode() + b"\n"}


def to_ras(grid: Grid) -> np.ndarray:
    """(4, 4) float64: index (i, j, k, 1) -> RAS mm."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine[:, [2, 1, 0, 3]]


def _perpendicular(frame: np.ndarray) -> bool:
    columns = frame[:3, :3] / np.linalg.norm(frame[:3, :3], axis=0)
    return bool(np.abs(columns.T @ columns - np.eye(3)).max() <= SHEAR)
