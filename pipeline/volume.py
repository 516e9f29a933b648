"""Voxels with their geometry, and what is known of them before they are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

import numpy as np

from pipeline.errors import GeometryError, KindError
from pipeline.grid import Grid
from pipeline.xp import Array

Kind = Literal["image", "labels"]

Voi = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID", "TABLE", "OTHER"]
"""How values of interest are shown: VOI LUT Function, or a VOI LUT Sequence, or what the standard does not define."""


KernelClass = Literal["soft", "sharp"]
"""What a CT kernel is made for: soft tissue, or edges (lung, bone)."""


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
    voi : the function that the window is meant for (DICOM PS3.3 C.11.2.1.3); ``TABLE``: there is a VOI LUT Sequence
        and no window
    inverted : MONOCHROME1, the lowest value is shown white
    low, high : exact minimum and maximum of all voxels
    lossy : the source was compressed with loss
    anatomical : the frame lies in the patient; False where a projection states no position
    spacing_source : what the spacing in the image plane was read from: ``pixel``, ``imager``, ``none`` ...
    suv_factor : times an intensity, the uptake value by body weight; None where the header does not allow it.  Weight
        over decayed dose: it tells neither
    suv_refusal : then the code of the reason why, of ``pipeline.reasons``
    manufacturer, model, kernel, body_part : terms of the closed vocabularies (``pipeline.terms``); None where the
        header states nothing, or nothing that is a term
    kernel_class : how sharp the kernel is, as the vendor profile says
    profile : the packaged vendor profile that matches, and its version: ``ct-ge 1``
    partial : code of the reason why this is known to be a part only of what was acquired; None where nothing says so
    temporal_position, trigger_ms, echo_ms, inversion_ms, b_value, component, energy_kev : which of several volumes of
        its series this is
    private_scale : a voxel of a Philips MR divided by it is the floating-point value of the reconstruction, which can
        be compared between series; None where images differ in it or state none
    """

    modality: str | None = None
    units: str = "1"
    padding: float | None = None
    window: tuple[float, float] | None = None
    voi: Voi = "LINEAR"
    inverted: bool = False
    low: float = 0.0
    high: float = 0.0
    lossy: bool = False
    anatomical: bool = True
    spacing_source: str = "pixel"
    suv_factor: float | None = None
    suv_refusal: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    kernel: str | None = None
    body_part: str | None = None
    kernel_class: KernelClass | None = None
    profile: str | None = None
    partial: str | None = None
    temporal_position: int | None = None
    trigger_ms: float | None = None
    echo_ms: float | None = None
    inversion_ms: float | None = None
    b_value: float | None = None
    component: str | None = None
    energy_kev: float | None = None
    private_scale: float | None = None

    @property
    def linear_window(self) -> tuple[float, float] | None:
        """(center, width) of the header's window as LINEAR_EXACT; None where it has none, or none that is a line.

        LINEAR is LINEAR_EXACT of ``center - 0.5`` and ``width - 1`` (DICOM PS3.3 C.11.2.1.2.1).
        """
        if self.window is None or self.voi not in ("LINEAR", "LINEAR_EXACT"):
            return None
        center, width = self.window
        if self.voi == "LINEAR":
            center, width = center - 0.5, width - 1
        return (center, width) if isfinite(center) and isfinite(width) and width > 0 else None


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


def foreground(mask: Volume | None) -> Array | None:
    """bool ``[k, j, i]``: where a label map is not 0; None, which says everywhere, where there is no map."""
    return None if mask is None else mask.array != 0
