"""What augmentation does to one float32 image in 0..1: ``python -m benchmarks.augment``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.grid import IDENTITY, Grid
from pipeline.stages import Stage
from pipeline.stages.blur import Blur
from pipeline.stages.gamma import Gamma
from pipeline.stages.low_resolution import LowResolution
from pipeline.stages.noise import Noise
from pipeline.volume import Volume

SD, SIGMA, EXPONENT, ZOOM = 0.1, 1.0, 1.5, 0.5


def noise(shape: Shape) -> Comparison:
    """A normal number for every voxel.  Ours depends on a key and the voxel's place alone, theirs on a state."""

    def theirs(x: np.ndarray) -> dict[str, Callable[[], Case]]:
        return {
            "NumPy": lambda: _numpy_noise(x),
            "MONAI": lambda: _monai(x, "RandGaussianNoise", prob=1.0, std=SD, sample_std=False),
            "TorchIO": lambda: _torchio(x, "Noise", mean=0.0, std=SD, seed=1),
            "batchgeneratorsv2": lambda: _batchgenerators(
                x, "intensity.gaussian_noise", "GaussianNoiseTransform", noise_variance=SD
            ),
        }

    return _comparison(shape, Noise(SD, key=1), theirs)


def blur(shape: Shape) -> Comparison:
    """A Gaussian of one voxel along each axis."""

    def theirs(x: np.ndarray) -> dict[str, Callable[[], Case]]:
        return {
            "SciPy": lambda: _scipy_blur(x),
            "SimpleITK": lambda: _simpleitk_blur(x),
            "MONAI": lambda: _monai(x, "GaussianSmooth", sigma=SIGMA),
            "TorchIO": lambda: _torchio(x, "Blur", std=(SIGMA, SIGMA, SIGMA)),
            "batchgeneratorsv2": lambda: _batchgenerators(
                x, "noise.gaussian_blur", "GaussianBlurTransform", blur_sigma=SIGMA
            ),
        }

    return _comparison(shape, Blur((SIGMA, SIGMA, SIGMA)), theirs)


def gamma(shape: Shape) -> Comparison:
    """A power of every voxel; MONAI and batchgeneratorsv2 find the range of the image first."""

    def theirs(x: np.ndarray) -> dict[str, Callable[[], Case]]:
        options = {"p_invert_image": 0, "synchronize_channels": False, "p_per_channel": 1, "p_retain_stats": 0}
        return {
            "NumPy": lambda: lambda: np.power(x, np.float32(EXPONENT)),
            "MONAI": lambda: _monai(x, "AdjustContrast", gamma=EXPONENT),
            "TorchIO": lambda: _torchio(x, "Gamma", gamma=EXPONENT),
            "batchgeneratorsv2": lambda: _batchgenerators(
                x, "intensity.gamma", "GammaTransform", gamma=EXPONENT, **options
            ),
        }

    return _comparison(shape, Gamma(EXPONENT), theirs)


def low_resolution(shape: Shape) -> Comparison:
    """Half as many voxels an axis by nearest neighbour, and linearly up again."""

    def theirs(x: np.ndarray) -> dict[str, Callable[[], Case]]:
        options = {"synchronize_channels": False, "synchronize_axes": True, "ignore_axes": ()}
        return {
            "MONAI": lambda: _monai(
                x,
                "RandSimulateLowResolution",
                prob=1.0,
                zoom_range=(ZOOM, ZOOM),
                upsample_mode="trilinear",
                align_corners=False,
            ),
            "batchgeneratorsv2": lambda: _batchgenerators(
                x, "spatial.low_resolution", "SimulateLowResolutionTransform", scale=ZOOM, **options
            ),
        }

    return _comparison(shape, LowResolution((ZOOM, ZOOM, ZOOM)), theirs)


def _comparison(
    shape: Shape, stage: Stage, theirs: Callable[[np.ndarray], dict[str, Callable[[], Case]]]
) -> Comparison:
    x = np.clip((images.ct(shape) + np.float32(1024)) / np.float32(2048), 0, 1)
    volume = Volume(x, Grid(IDENTITY, shape))
    cases, missing = peers.ready(theirs(x))
    return Comparison({"stage": lambda: stage(volume, volume.grid, volume.spec).array}, cases, missing)


def _numpy_noise(x: np.ndarray) -> Case:
    rng = np.random.default_rng(1)
    return lambda: x + np.float32(SD) * rng.standard_normal(x.shape, np.float32)


def _scipy_blur(x: np.ndarray) -> Case:
    from scipy.ndimage import gaussian_filter

    return lambda: gaussian_filter(x, SIGMA, mode="nearest")


def _simpleitk_blur(x: np.ndarray) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(x, (1.0, 1.0, 1.0))
    return lambda: sitk.DiscreteGaussian(image, SIGMA**2)


def _monai(x: np.ndarray, name: str, **options: Any) -> Case:
    from monai import transforms

    image, run = peers.monai(x, (1.0, 1.0, 1.0)), getattr(transforms, name)(**options)
    return lambda: run(image)


def _torchio(x: np.ndarray, name: str, **options: Any) -> Case:
    import torchio

    image, run = peers.torchio(x, (1.0, 1.0, 1.0)), getattr(torchio, name)(**options)
    return lambda: run(image)


def _batchgenerators(x: np.ndarray, module: str, name: str, **options: Any) -> Case:
    """They write into what they are given, so each call is given a copy."""
    from importlib import import_module

    import torch

    run = getattr(import_module(f"batchgeneratorsv2.transforms.{module}"), name)(**options)
    image = torch.as_tensor(x.copy())[None]
    return lambda: run(image=image.clone())["image"]


main = command("augment", {"noise": noise, "blur": blur, "gamma": gamma, "low resolution": low_resolution}, (128, 256, 256))

if __name__ == "__main__":
    main()
