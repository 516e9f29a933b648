"""Where a slice truly lies, and what its pixels are: what every output is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset


class Place(NamedTuple):
    """One image plane in LPS mm: ``corner`` of voxel (0, 0), ``down`` a row, ``right`` a column; each (3,) float64."""

    corner: np.ndarray
    down: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, image: Dataset) -> Place:
        """As position, orientation and spacing of the image say (DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1)."""
        row, column = np.array(image.ImageOrientationPatient, np.float64).reshape(2, 3)
        between_rows, between_columns = map(float, image.PixelSpacing)
        corner = np.array(image.ImagePositionPatient, np.float64)
        return cls(corner, column * between_rows, row * between_columns)

    def at(self, indices: np.ndarray) -> np.ndarray:
        """(n, 3) LPS mm of (n, 2) voxels (row j, column i)."""
        placed: np.ndarray = self.corner + indices[:, :1] * self.down + indices[:, 1:] * self.right
        return placed


@dataclass(frozen=True)
class Slice:
    """One file of a trap.

    Attributes
    ----------
    file : its name in the folder
    data : its bytes
    pixels : (rows, columns) int32 in rescaled units, as they were before the defect
    place : where they lie, as it was known before the defect
    wanted : whether a volume of the series lacks something without it
    whole : False where the defect took pixels away: they can be in no right output
    """

    file: str
    data: bytes
    pixels: np.ndarray
    place: Place
    wanted: bool = True
    whole: bool = True
