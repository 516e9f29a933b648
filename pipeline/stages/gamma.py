"""Gamma: intensities to a power."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels.pointwise import Gamma as Formula
from pipeline.kernels.pointwise import pointwise
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Gamma(Stage):
    """``lower .. upper`` as 0 .. 1, to the power ``exponent``, and back.

    ::

        upper ---------.-'      exponent 2          Both ends stay where they are, and so does whatever lies
                     .'                             outside: the curve is continuous and never falls, no image
        lower _...--'                               gives NaN, and no statistics of the image are needed.
              lower    upper

    nnU-Net scales by the range of each image, which one hot voxel can change, and then restores its mean and standard
    deviation; here the range is declared, and a normalisation after it is a stage of its own.

    Attributes
    ----------
    exponent : above 1 darkens, below 1 brightens
    lower, upper : the range, in the units of the image
    inverted : the power is taken of the distance from ``upper``, as if the image were negative

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    exponent: float
    lower: float = 0.0
    upper: float = 1.0
    inverted: bool = False

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if not (self.exponent > 0 and isfinite(self.exponent)):
            raise ValueError("exponent must be a finite number above 0")
        if not (isfinite(self.lower) and isfinite(self.upper) and np.float32(self.lower) < np.float32(self.upper)):
            raise ValueError("lower must be below upper, both finite")

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        formula = Formula(*map(np.float32, (self.exponent, self.lower, self.upper, self.inverted)))
        return part.with_array(pointwise(part.intensities, formula))
