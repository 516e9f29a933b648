"""A label map to 1 mm: ``python -m benchmarks.labels``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.grid import Grid
from pipeline.stages.resample import Resample
from pipeline.volume import Volume

TARGET = (1.0, 1.0, 1.0)


def nearest(shape: Shape) -> Comparison:
    """MONAI is given float32 and makes float32, the others uint8."""
    x = images.structures(shape)
    makers = {
        "SimpleITK": lambda: _simpleitk(x),
        "SciPy": lambda: _scipy(x),
        "MONAI": lambda: _monai(x),
        "TorchIO": lambda: _torchio(x),
    }
    theirs, missing = peers.ready(makers)
    return Comparison({"nearest": _ours(x, Resample(TARGET))}, theirs, missing)


def linear(shape: Shape) -> Comparison:
    """Each label interpolated by itself, and the strongest wins."""
    x = images.structures(shape)
    theirs, missing = peers.ready({"nnU-Net": lambda: _nnunet(x), "SimpleITK, a Gaussian": lambda: _gaussian(x)})
    return Comparison({"linear": _ours(x, Resample(TARGET, labels="linear"))}, theirs, missing)


def _ours(x: np.ndarray, stage: Resample) -> Case:
    volume = Volume(x, Grid(np.diag([*images.SPACING, 1.0]), x.shape), "labels")
    target = stage.spec(volume.spec).grid
    return lambda: stage(volume, target, volume.spec).array


def _size(x: np.ndarray) -> list[int]:
    return [round(n * s) for n, s in zip(x.shape, images.SPACING, strict=True)]


def _simpleitk(x: np.ndarray) -> Case:
    import SimpleITK as sitk

    return _resampled(x, sitk.sitkNearestNeighbor)


def _gaussian(x: np.ndarray) -> Case:
    import SimpleITK as sitk

    return _resampled(x, sitk.sitkLabelGaussian)


def _resampled(x: np.ndarray, how: int) -> Case:
    import SimpleITK as sitk

    image, size = peers.simpleitk(x, images.SPACING), _size(x)[::-1]
    spacing, origin = (1.0, 1.0, 1.0), tuple((1 - s) / 2 for s in images.SPACING[::-1])
    return lambda: sitk.Resample(image, size, sitk.Transform(), how, origin, spacing)


def _scipy(x: np.ndarray) -> Case:
    from scipy.ndimage import zoom

    return lambda: zoom(x, images.SPACING, order=0, mode="nearest", grid_mode=True)


def _monai(x: np.ndarray) -> Case:
    from monai.transforms import Spacing

    image, run = peers.monai(x, images.SPACING), Spacing(TARGET, mode="nearest")
    return lambda: run(image)


def _torchio(x: np.ndarray) -> Case:
    from torchio import Resample as Run

    image, run = peers.torchio(x, images.SPACING, "labels"), Run(TARGET)
    return lambda: run(image)


def _nnunet(x: np.ndarray) -> Case:
    from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

    shape = _size(x)
    how = {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None}
    return lambda: resample_data_or_seg_to_shape(x[None], shape, images.SPACING, TARGET, **how)


main = command("labels", {"nearest": nearest, "linear": linear})

if __name__ == "__main__":
    main()
