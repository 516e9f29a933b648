"""Noise of single voxels."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import noise
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Noise(Stage):
    """Noise that is a pure function of a key and of where a voxel lies on the lattice.

    Floats are not clipped, so that the noise has mean zero at the ends of the range too; integers are rounded, and
    clipped to their type.

    Attributes
    ----------
    sd : standard deviation, in the units of the image
    key : 64 bits that choose the noise
    model : ``gaussian``: the same everywhere.  ``rician``: of the magnitude of a complex signal, for MR before it is
        normalised (Gudbjartsson and Patz, Magn. Reson. Med. 34(6), 1995); nothing comes out below 0.
        ``poisson``: for CT, the variance grows with the attenuation, which is linear in HU (DICOM PS3.3 C.11.1.1.2),
        in the Gaussian form of Foi et al., IEEE Trans. Image Process. 17(10), 2008.  It changes a finished image:
        that noise of CT is correlated and depends on whole paths of rays is not in it
    air, water : of ``poisson``: the intensities where the standard deviation is 0 and where it is ``sd``

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    sd: float
    key: int = 0
    model: Literal["gaussian", "rician", "poisson"] = "gaussian"
    air: float = -1000.0
    water: float = 0.0

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    def __post_init__(self) -> None:
        if not (self.sd >= 0 and isfinite(self.sd)):
            raise ValueError("sd must be a finite number of at least 0")
        if not 0 <= self.key < 2**64:
            raise ValueError("key must be a whole number of 64 bits")
        if self.model not in ("gaussian", "rician", "poisson"):
            raise ValueError("model must be one of gaussian, rician, poisson")
        if not (isfinite(self.air) and isfinite(self.water) and np.float32(self.air) < np.float32(self.water)):
            raise ValueError("air must be below water, both finite")

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        return part.with_array(noise.noise(part.intensities, self._model(), self.key, piece.start))

    def _model(self) -> noise.Model:
        sd, air, water = map(np.float32, (self.sd, self.air, self.water))
        if self.model == "poisson":
            return noise.Poisson(sd, air, water)
        return noise.Rician(sd) if self.model == "rician" else noise.Gaussian(sd)
