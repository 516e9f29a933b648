"""What a DICOM image says of each of its slices, read by pydicom alone: the oracle of every other reading.

Nothing of the product is used here.  Mosaics, colour and what has no pixel data are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError


@dataclass(frozen=True)
class Placed:
    """One slice: (rows, columns) after the modality rescale, and LPS mm of its first voxel and of its two steps."""

    values: np.ndarray
    origin: np.ndarray
    row_step: np.ndarray
    column_step: np.ndarray

    @property
    def corners(self) -> np.ndarray:
        """(4, 3): voxels [0, 0], [0, -1], [-1, 0] and [-1, -1], by DICOM PS3.3 equation C.7.6.2.1-1."""
        j, i = (n - 1 for n in self.values.shape)
        return np.array(
            [self.origin + a * j * self.row_step + b * i * self.column_step for a in (0, 1) for b in (0, 1)]
        )


def placed_slices(source: Path) -> list[Placed]:
    """All grey slices with a place below a folder, or of one file."""
    paths = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    return [placed for path in paths for placed in _of_file(path)]


def _of_file(path: Path) -> Iterator[Placed]:
    try:
        image = pydicom.dcmread(path)
    except InvalidDicomError:
        return
    if "PixelData" not in image or image.SamplesPerPixel != 1 or "MOSAIC" in image.get("ImageType", ()):
        return
    frames = image.pixel_array.reshape(-1, image.Rows, image.Columns)
    for n, stored in enumerate(frames):
        groups = _groups(image, n)
        position = _first(groups, "ImagePositionPatient")
        if position is None:
            return
        row, column = np.array(_first(groups, "ImageOrientationPatient"), "f8").reshape(2, 3)
        between_rows, between_columns = map(float, _first(groups, "PixelSpacing"))
        slope, intercept = (_first(groups, name) for name in ("RescaleSlope", "RescaleIntercept"))
        values = stored * float(1 if slope is None else slope) + float(intercept or 0)
        yield Placed(values, np.array(position, "f8"), column * between_rows, row * between_columns)


def _groups(image: Dataset, n: int) -> list[Dataset]:
    """Where the facts of a frame may stand: its own functional groups, then the shared ones, then the image."""
    own = image.get("PerFrameFunctionalGroupsSequence")
    shared = image.get("SharedFunctionalGroupsSequence")
    macros = [*([own[n]] if own else []), *(shared or [])]
    return [*(item for macro in macros for element in macro if element.VR == "SQ" for item in element.value), image]


def _first(groups: list[Dataset], name: str):
    return next((group[name].value for group in groups if name in group), None)
