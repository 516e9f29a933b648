"""Voxels with their geometry, and what is known of them before they are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pipeline.errors import GeometryError, KindError
from pipeline.grid import Grid
from pipeline.xp import Array

Kind = Literal["image", "labels"]


@dataclass(frozen=True)
class Spec:
    """What is known of a volume before it is read: where it lies, what it is, how it is stored."""

    grid: Grid
    kind: Kind
    dtype: np.dtype

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", np.dtype(self.dtype))

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return self.grid.size * self.dtype.itemsize


@dataclass(frozen=True)
class Facts:
    """What a raw volume says of itself besides its geometry; stages may take their defaults from it.

    Attributes
    ----------
    modality : DICOM Modality (``CT``, ``MR``, ``DX`` ...), None where nothing states it
    units : of the intensities: ``HU``, ``BQML``, ``GML`` (g/ml), or ``1`` (arbitrary)
    padding : rescaled value of padding voxels, None where there are none declared
    window : (center, width) of the first VOI window in rescaled units
    inverted : MONOCHROME1, the lowest value is shown white
    low, high : exact minimum and maximum of all voxels
    lossy : the source was compressed with loss
    anatomical : the frame lies in the patient; False where a projection states no position
    spacing_source : what the spacing in the image plane was read from: ``pixel``, ``imager``, ``none`` ...
    suv_factor : times an intensity, the uptake value by body weight; None where the header does not allow it.  Weight
        over decayed dose: it tells neither
    suv_refusal : then the code of the reason why, of ``pipeline.reasons``
    """

    modality: str | None = None
    units: str = "1"
    padding: float | None = None
    window: tuple[float, float] | None = None
    inverted: bool = False
    low: float = 0.0
    high: float = 0.0
    lossy: bool = False
    anatomical: bool = True
    spacing_source: str = "pixel"
    suv_factor: float | None = None
    suv_refusal: str | None = None


@dataclass(frozen=True, eq=False)
class Volume:
    """An array ``[k, j, i]`` on a Grid.  A block of a volume is itself a Volume: same frame, other integers.

    Raises
    ------
    GeometryError
        If the array has not the shape of its grid.
    """

    array: Array
    grid: Grid
    kind: Kind = "image"

    def __post_init__(self) -> None:
        if tuple(self.array.shape) != self.grid.shape:
            raise GeometryError(f"the array is {self.array.shape}, its grid is {self.grid.shape}")

    @property
    def spec(self) -> Spec:
        """The same without voxels."""
        return Spec(self.grid, self.kind, self.array.dtype)

    @property
    def intensities(self) -> Array:
        """The array of an image.  Labels have none: label 3 is not three times label 1.

        Raises KindError for labels.
        """
        if self.kind != "image":
            raise KindError("an intensity stage was handed labels")
        return self.array

    def crop_to(self, piece: Grid) -> Volume:
        """The part that lies on ``piece``; a view, no copy."""
        return replace(self, array=self.array[self.grid.slices(piece)], grid=piece)

    def with_array(self, array: Array) -> Volume:
        """Other voxels at the same places."""
        return replace(self, array=array)
