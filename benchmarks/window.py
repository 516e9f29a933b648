"""A window of 400 HU about 40, int16 to 0..1: ``python -m benchmarks.window``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.kernels import intensity
from pipeline.kernels.ramp import window

CENTER, WIDTH = 40, 400
LOW, HIGH = CENTER - WIDTH / 2, CENTER + WIDTH / 2


def compare(shape: Shape) -> Comparison:
    """A soft-tissue window in one pass.  The peers make float32, of int16 as it lies in memory."""
    x = images.ct(shape)
    buffers = {dtype: np.empty(shape, dtype) for dtype in ("float32", "float16")}
    ramps = {dtype: window(CENTER, WIDTH, dtype) for dtype in buffers}
    ours: dict[str, Case] = {
        "float32": lambda: intensity.ramp(x, ramps["float32"]),
        "float32, reused buffer": lambda: intensity.ramp(x, ramps["float32"], out=buffers["float32"]),
        "float16, reused buffer": lambda: intensity.ramp(x, ramps["float16"], out=buffers["float16"]),
    }
    theirs, missing = peers.ready(
        {
            "NumPy": lambda: lambda: _numpy(x),
            "SimpleITK": lambda: _simpleitk(x),
            "MONAI": lambda: _monai(x),
            "TorchIO": lambda: _torchio(x),
        }
    )

    def error(result: object) -> float:
        exact = np.clip((x[::8].astype("f8") - LOW) / WIDTH, 0, 1)
        return float(abs(peers.array(result)[::8] - exact).max())

    return Comparison(ours, theirs, missing, error, "largest absolute, against float64")


def _numpy(x: np.ndarray) -> np.ndarray:
    y = x.astype(np.float32)
    y -= np.float32(LOW)
    y *= np.float32(1 / WIDTH)
    return np.clip(y, 0, 1, out=y)


def _simpleitk(x: np.ndarray) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(x, images.SPACING)
    run = sitk.IntensityWindowingImageFilter()
    run.SetWindowMinimum(LOW)
    run.SetWindowMaximum(HIGH)
    run.SetOutputMinimum(0)
    run.SetOutputMaximum(1)
    return lambda: run.Execute(sitk.Cast(image, sitk.sitkFloat32))


def _monai(x: np.ndarray) -> Case:
    from monai.transforms import ScaleIntensityRange

    image, run = peers.monai(x, images.SPACING), ScaleIntensityRange(LOW, HIGH, 0.0, 1.0, clip=True)
    return lambda: run(image)


def _torchio(x: np.ndarray) -> Case:
    from torchio import Clamp, Compose, RescaleIntensity

    image = peers.torchio(x, images.SPACING)
    run = Compose([Clamp(LOW, HIGH), RescaleIntensity((0, 1), in_min_max=(LOW, HIGH))])
    return lambda: run(image)


main = command("window", {"window": compare})

if __name__ == "__main__":
    main()
