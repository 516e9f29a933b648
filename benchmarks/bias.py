"""N4, the field estimated and divided out of an MR image of a head: ``python -m benchmarks.bias``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.fits.n4 import N4
from pipeline.grid import IDENTITY, Grid
from pipeline.volume import Volume

SHRINK, ITERATIONS = 4, (50, 50, 50, 50)


def n4(shape: Shape) -> Comparison:
    """float32, voxels of 1 mm.  Ours estimates on cells of 4 mm, SimpleITK on all voxels, or on every fourth."""
    x = images.mr(shape)
    volume = Volume(x, Grid(IDENTITY, shape))
    theirs, missing = peers.ready(
        {"SimpleITK, all voxels": lambda: _simpleitk(x, 1), "SimpleITK, every fourth": lambda: _simpleitk(x, SHRINK)}
    )
    shading = images.shading(shape)
    tissue = x > x.max() / 3

    def error(result: object) -> float:
        left = shading[tissue] * peers.array(result)[tissue] / x[tissue]
        return float(left.std() / left.mean())

    of = f"SD by mean of what is left of the field in the head; it was {shading[tissue].std():.3f}"
    return Comparison({"fit n4": lambda: _ours(volume)}, theirs, missing, error, of)


def _ours(volume: Volume) -> np.ndarray:
    fit = N4()
    stage = fit.stage(fit.tally(volume, None, volume.spec), volume.spec)
    return np.asarray(stage(volume, volume.grid, volume.spec).array)


def _simpleitk(x: np.ndarray, shrink: int) -> Case:
    """As its example does it: Otsu's mask, the field of the shrunken image on all voxels, the image divided by it."""
    import SimpleITK as sitk

    image = peers.simpleitk(x, (1.0, 1.0, 1.0))

    def run() -> sitk.Image:
        mask = sitk.OtsuThreshold(image, 0, 1, 200)
        small, where = (sitk.Shrink(y, [shrink] * 3) if shrink > 1 else y for y in (image, mask))
        filter_ = sitk.N4BiasFieldCorrectionImageFilter()
        filter_.SetMaximumNumberOfIterations(ITERATIONS)
        filter_.Execute(small, where)
        return image / sitk.Exp(filter_.GetLogBiasFieldAsImage(image))

    return run


main = command("bias", {"N4": n4}, (160, 192, 160), repeats=2)

if __name__ == "__main__":
    main()
