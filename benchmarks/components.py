"""Connected components of bone, voxels above 200 HU: ``python -m benchmarks.components``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.kernels import components

BONE = 200


def compare(shape: Shape) -> Comparison:
    """Voxels that share a face belong together.  Noise makes many small components beside the ribs and the spine.

    The error is of the labels alone.  SimpleITK's second case sorts the components by size, of which ours is to be
    compared with the largest.
    """
    mask = (images.ct(shape) > BONE).astype(np.uint8)
    ours: dict[str, Case] = {
        "labels": lambda: components.label(mask),
        "largest": lambda: components.largest(mask),
    }
    theirs, missing = peers.ready(
        {
            "SimpleITK": lambda: _simpleitk(mask, largest=False),
            "SimpleITK, largest": lambda: _simpleitk(mask, largest=True),
            "SciPy": lambda: _scipy(mask),
            "scikit-image": lambda: _skimage(mask),
            "dask-image": lambda: _dask(mask),
            "cc3d": lambda: _cc3d(mask),
        }
    )
    number = int(components.label(mask).max())

    def error(result: object) -> float:
        return float(abs(int(peers.array(result).max()) - (number if peers.array(result).max() > 1 else 1)))

    return Comparison(ours, theirs, missing, error, "number of components")


def _simpleitk(mask: np.ndarray, *, largest: bool) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(mask, images.SPACING)
    if largest:
        return lambda: sitk.RelabelComponent(sitk.ConnectedComponent(image)) == 1
    return lambda: sitk.ConnectedComponent(image)


def _scipy(mask: np.ndarray) -> Case:
    from scipy import ndimage

    return lambda: ndimage.label(mask)[0]


def _skimage(mask: np.ndarray) -> Case:
    from skimage.measure import label

    return lambda: label(mask, connectivity=1)


def _dask(mask: np.ndarray) -> Case:
    import dask.array as da
    from dask_image.ndmeasure import label

    return lambda: label(da.from_array(mask, chunks=mask.shape))[0].compute()


def _cc3d(mask: np.ndarray) -> Case:
    import cc3d

    return lambda: cc3d.connected_components(mask, connectivity=6)


main = command("components", compare)

if __name__ == "__main__":
    main()
