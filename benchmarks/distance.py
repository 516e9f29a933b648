"""Distance in mm to the nearest voxel of a body, exact: ``python -m benchmarks.distance``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.kernels.distance import distance


def outside(shape: Shape) -> Comparison:
    """float32; SciPy makes float64, SimpleITK's Maurer is signed and does both sides at once."""
    mask = (images.structures(shape) > 0).astype(np.uint8)
    theirs, missing = peers.ready({"SciPy": lambda: _scipy(mask), "SimpleITK": lambda: _simpleitk(mask)})
    k = slice(shape[0] // 2, shape[0] // 2 + 1)
    exact = _scipy(mask)()[k] if "SciPy" in theirs else None  # type: ignore[index]

    def error(result: object) -> float | None:
        return None if exact is None else float(abs(np.maximum(peers.array(result)[k], 0) - exact).max())

    ours = {"distance": lambda: distance(mask, images.SPACING)}
    return Comparison(ours, theirs, missing, error, "largest absolute in mm, one slice, against SciPy in float64")


def _scipy(mask: np.ndarray) -> Case:
    from scipy.ndimage import distance_transform_edt

    return lambda: distance_transform_edt(mask == 0, sampling=images.SPACING)


def _simpleitk(mask: np.ndarray) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(mask, images.SPACING)
    return lambda: sitk.SignedMaurerDistanceMap(image, False, False, True)


main = command("distance", {"outside": outside})

if __name__ == "__main__":
    main()
