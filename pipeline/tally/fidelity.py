"""How faithful an image is to its reference."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import log10, sqrt

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import quality


@dataclass(frozen=True)
class Fidelity:
    """SSIM and errors between two images that ``kernels.quality.quantise`` brought to 12 bits.

    Attributes
    ----------
    windows, ssim, ssim_min : SSIM windows, the sum and the lowest of their SSIM in units of 2^-30
    voxels, squared, absolute : valid voxels, the sum of their squared and of their absolute differences
        in quantised steps; a data range is 4095 steps
    """

    windows: int = 0
    ssim: int = 0
    ssim_min: int = quality.ONE
    voxels: int = 0
    squared: int = 0
    absolute: int = 0

    @staticmethod
    def reach(piece: Grid, whole: Grid) -> Grid:
        """Where the images must be known to tally ``piece``: windows begin in it and end up to 6 voxels on."""
        beyond = [min(b + w - 1, end) for b, w, end in zip(piece.stop, _window(whole), whole.stop, strict=True)]
        return whole.between(piece.start, beyond)

    @classmethod
    def of(cls, a: np.ndarray, b: np.ndarray, piece: Grid, whole: Grid, *, stride: int = 4) -> Fidelity:
        """Compare two quantised images on ``piece`` of ``whole``; both arrays lie on ``reach(piece, whole)``.

        Windows begin at every ``stride``-th voxel of each axis of ``whole``.
        """
        start = [at - origin for at, origin in zip(piece.start, whole.start, strict=True)]
        return cls(*quality.compare(a, b, own=piece.shape, start=start, window=_window(whole), stride=stride))

    def __add__(self, other: Fidelity) -> Fidelity:
        sums = [mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)]
        sums[2] = min(self.ssim_min, other.ssim_min)
        return Fidelity(*sums)

    @property
    def ssim_global(self) -> float | None:
        """Mean SSIM of all windows."""
        return self.ssim / (self.windows * quality.ONE) if self.windows else None

    @property
    def ssim_local_min(self) -> float | None:
        """SSIM of the worst window."""
        return self.ssim_min / quality.ONE if self.windows else None

    @property
    def psnr_db(self) -> float | None:
        """``10 log10(range^2 / MSE)``; None where no voxel differs, since it has no finite value there."""
        return 10 * log10(quality.LEVELS**2 * self.voxels / self.squared) if self.squared else None

    def mae(self, data_range: float) -> float | None:
        """Mean absolute error, in the units of the data range."""
        return self.absolute / self.voxels * data_range / quality.LEVELS if self.voxels else None

    def rmse(self, data_range: float) -> float | None:
        """Root mean squared error, in the units of the data range."""
        return sqrt(self.squared / self.voxels) * data_range / quality.LEVELS if self.voxels else None


def _window(whole: Grid) -> tuple[int, int, int]:
    return quality.window(whole.shape)
