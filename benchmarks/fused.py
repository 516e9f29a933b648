"""Resampling to 1 mm and a window in one pass, int16 to float16: ``python -m benchmarks.fused``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from benchmarks.window import CENTER, HIGH, LOW, WIDTH
from pipeline.grid import Grid
from pipeline.plan import Plan
from pipeline.stages.resample import Resample
from pipeline.stages.window import Window
from pipeline.volume import Volume

TARGET = (1.0, 1.0, 1.0)


def linear(shape: Shape) -> Comparison:
    """The peers do one after the other, in float32, and keep that; ours is the plan of a recipe of two stages."""
    return _comparison(shape, 1)


def cubic(shape: Shape) -> Comparison:
    """The same over a cubic B-spline."""
    return _comparison(shape, 3)


def _comparison(shape: Shape, order: int) -> Comparison:
    x = images.ct(shape)
    volume = Volume(x, Grid(np.diag([*images.SPACING, 1.0]), shape))
    plan = Plan(volume.spec, (Resample(TARGET, order), Window(CENTER, WIDTH)))  # type: ignore[arg-type]
    makers = {"SimpleITK": lambda: _simpleitk(x, order), "MONAI": lambda: _monai(x), "TorchIO": lambda: _torchio(x)}
    theirs, missing = peers.ready({name: makers[name] for name in list(makers)[: 3 if order == 1 else 1]})
    ours = {"plan": lambda: plan.run(volume.crop_to, plan.target.grid).array}
    return Comparison(ours, theirs, missing)


def _simpleitk(x: np.ndarray, order: int) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(x, images.SPACING)
    how = sitk.sitkLinear if order == 1 else sitk.sitkBSpline
    size = [round(n * s) for n, s in zip(x.shape, images.SPACING, strict=True)][::-1]
    spacing, origin = (1.0, 1.0, 1.0), tuple((1 - s) / 2 for s in images.SPACING[::-1])

    def run() -> sitk.Image:
        made = sitk.Resample(
            image, size, sitk.Transform(), how, origin, spacing, np.eye(3).ravel(), -1024, sitk.sitkFloat32
        )
        return sitk.IntensityWindowing(made, LOW, HIGH, 0, 1)

    return run


def _monai(x: np.ndarray) -> Case:
    from monai.transforms import Compose, ScaleIntensityRange, Spacing

    image = peers.monai(x, images.SPACING)
    run = Compose([Spacing(TARGET, mode="bilinear"), ScaleIntensityRange(LOW, HIGH, 0.0, 1.0, clip=True)])
    return lambda: run(image)


def _torchio(x: np.ndarray) -> Case:
    from torchio import Clamp, Compose, Resample, RescaleIntensity

    image = peers.torchio(x.astype("f4"), images.SPACING)
    window = RescaleIntensity((0, 1), in_min_max=(LOW, HIGH))
    run = Compose([Resample(TARGET), Clamp(LOW, HIGH), window])
    return lambda: run(image)


main = command("fused", {"linear": linear, "cubic": cubic})

if __name__ == "__main__":
    main()
