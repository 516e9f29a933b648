"""Connected components of bone, voxels above 200 HU: ``python -m benchmarks.components``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.kernels import components

BONE = 200
OF = "voxels that differ from ours"


def labels(shape: Shape) -> Comparison:
    """Voxels that share a face belong together.  Noise makes many small components beside the ribs and the spine."""
    mask = _bone(shape)
    ours = {"label": lambda: components.label(mask)}
    theirs, missing = peers.ready(
        {
            "SimpleITK": lambda: _simpleitk(mask),
            "SciPy": lambda: _scipy(mask),
            "scikit-image": lambda: _skimage(mask),
            "dask-image": lambda: _dask(mask),
            "cc3d": lambda: _cc3d(mask),
        }
    )
    expected = components.label(mask)
    return Comparison(ours, theirs, missing, lambda told: _differing(told, expected), OF)


def largest(shape: Shape) -> Comparison:
    """The component with the most voxels as a mask."""
    mask = _bone(shape)
    ours = {"largest": lambda: components.largest(mask)}
    theirs, missing = peers.ready(
        {
            "SimpleITK": lambda: _simpleitk_largest(mask),
            "SciPy": lambda: _by_bincount(_scipy(mask)),
            "scikit-image": lambda: _by_bincount(_skimage(mask)),
            "cc3d": lambda: _cc3d_largest(mask),
        }
    )
    expected = components.largest(mask)
    return Comparison(ours, theirs, missing, lambda told: _differing(told, expected), OF)


def _bone(shape: Shape) -> np.ndarray:
    return (images.ct(shape) > BONE).astype(np.uint8)


def _differing(told: object, expected: np.ndarray) -> float:
    return float(np.count_nonzero(peers.array(told) != expected))


def _by_bincount(labelled: Case) -> Case:
    """The largest of what a case labels, as people find it with NumPy."""

    def run() -> np.ndarray:
        found = np.asarray(labelled())
        sizes = np.bincount(found.ravel())
        sizes[0] = 0
        return found == sizes.argmax()

    return run


def _simpleitk(mask: np.ndarray) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(mask, images.SPACING)
    return lambda: sitk.ConnectedComponent(image)


def _simpleitk_largest(mask: np.ndarray) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(mask, images.SPACING)
    return lambda: sitk.RelabelComponent(sitk.ConnectedComponent(image)) == 1


def _scipy(mask: np.ndarray) -> Case:
    from scipy import ndimage

    return lambda: ndimage.label(mask)[0]


def _skimage(mask: np.ndarray) -> Case:
    from skimage.measure import label

    return lambda: label(mask, connectivity=1)


def _dask(mask: np.ndarray) -> Case:
    import dask.array as da
    from dask_image.ndmeasure import label

    return lambda: label(da.from_array(mask, chunks=mask.shape))[0].compute(scheduler="synchronous")


def _cc3d(mask: np.ndarray) -> Case:
    import cc3d

    return lambda: cc3d.connected_components(mask, connectivity=6)


def _cc3d_largest(mask: np.ndarray) -> Case:
    import cc3d

    return lambda: cc3d.largest_k(mask, k=1, connectivity=6)


main = command("components", {"labels": labels, "largest": largest})

if __name__ == "__main__":
    main()
