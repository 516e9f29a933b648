"""NIfTI files of generated images."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np

from pipeline.demo.dicom import MARK


def file(array: np.ndarray, affine: np.ndarray, *, packed: bool = False) -> bytes:
    """A NIfTI-1 file of ``array`` [k, j, i]; ``affine`` (4, 4) maps that order to LPS mm; gzip where ``packed``.

    NIfTI orders indices i, j, k and points right, anterior, superior: both are turned here.
    """
    ras = affine[:, [2, 1, 0, 3]] * np.array([-1.0, -1.0, 1.0, 1.0])[:, None]
    image = nibabel.Nifti1Image(array.transpose(), ras)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = f"{MARK} NAME ALFA".encode()
    image.header["db_name"] = MARK.encode()
    data = image.to_bytes()
    return gzip.compress(data, compresslevel=6, mtime=0) if packed else data
