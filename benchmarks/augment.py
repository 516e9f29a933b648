"""What augmentation does to one float32 image in 0..1: ``python -m benchmarks.augment``."""

from __future__ import annotations

from collections.abc import Callable
from math import radians
from typing import Any

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.elastic import Elastic
from pipeline.grid import IDENTITY, Grid
from pipeline.stages import Stage
from pipeline.stages.blur import Blur
from pipeline.stages.gamma import Gamma
from pipeline.stages.low_resolution import LowResolution
from pipeline.stages.noise import Noise
from pipeline.stages.transform import Transform
from pipeline.volume import Volume

SD, SIGMA, EXPONENT, ZOOM = 0.1, 1.0, 1.5, 0.5
DEGREES, SCALE, SPAN, MAGNITUDE = 15.0, 1.1, 40.0, 8.0


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


def turn(shape: Shape) -> Comparison:
    """Turned about the first axis and made larger, in one linear interpolation."""

    def theirs(x: np.ndarray) -> dict[str, Callable[[], Case]]:
        about, larger = (radians(DEGREES), 0.0, 0.0), (1 / SCALE,) * 3
        return {
            "MONAI": lambda: _monai(x, "Affine", rotate_params=about, scale_params=larger, padding_mode="zeros"),
            "TorchIO": lambda: _torchio(
                x, "Affine", scales=(SCALE,) * 3, degrees=(DEGREES, 0, 0), translation=(0, 0, 0), default_pad_value=0
            ),
            "batchgeneratorsv2": lambda: _batchgenerators(
                x, "spatial.spatial", "SpatialTransform", **_spatial(x.shape)
            ),
        }

    return _comparison(shape, Transform(degrees=(DEGREES, 0, 0), scale=(SCALE,) * 3, fill=0), theirs)


def bend(shape: Shape) -> Comparison:
    """The same, and bent by a smooth displacement of up to 8 voxels; MONAI smooths one of every voxel."""

    def theirs(x: np.ndarray) -> dict[str, Callable[[], Case]]:
        moved = {"scales": (SCALE,) * 3, "degrees": (DEGREES, 0, 0), "translation": (0, 0, 0)}
        control = np.random.default_rng(1).uniform(-MAGNITUDE, MAGNITUDE, (7, 7, 7, 3))
        elastic = {"p_elastic_deform": 1, "elastic_deform_scale": 0.2, "elastic_deform_magnitude": MAGNITUDE}
        return {
            "MONAI": lambda: _monai(
                x,
                "Rand3DElastic",
                sigma_range=(SPAN / 4, SPAN / 4),
                magnitude_range=(100, 100),
                prob=1.0,
                rotate_range=((radians(DEGREES),) * 2, 0, 0),
                padding_mode="zeros",
            ),
            "TorchIO": lambda: _torchio(
                x,
                "AffineElasticDeformation",
                affine_first=True,
                affine_params={**moved, "default_pad_value": 0},
                elastic_params={"control_points": control, "max_displacement": (MAGNITUDE,) * 3},
            ),
            "batchgeneratorsv2": lambda: _batchgenerators(
                x, "spatial.spatial", "SpatialTransform", **_spatial(x.shape), **elastic
            ),
        }

    elastic = Elastic(SPAN, MAGNITUDE, key=1)
    return _comparison(shape, Transform(degrees=(DEGREES, 0, 0), scale=(SCALE,) * 3, elastic=elastic, fill=0), theirs)


def _spatial(shape: tuple[int, ...]) -> dict[str, Any]:
    """Of batchgeneratorsv2, in whose scaling larger numbers make smaller objects."""
    turned = {"p_rotation": 1, "rotation": radians(DEGREES), "p_scaling": 1, "scaling": 1 / SCALE}
    return {"patch_size": shape, "patch_center_dist_from_border": 0, "random_crop": False, **turned}


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


JOBS = {
    "noise": noise,
    "blur": blur,
    "gamma": gamma,
    "low resolution": low_resolution,
    "turn and scale": turn,
    "turn, scale and bend": bend,
}

main = command("augment", JOBS, (128, 256, 256))

if __name__ == "__main__":
    main()
