"""From the 0.5th to the 99.5th percentile, int16 to 0..1: ``python -m benchmarks.percentiles``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.fits.percentiles import Percentiles
from pipeline.grid import IDENTITY, Grid
from pipeline.kernels import intensity
from pipeline.volume import Volume

LOW, HIGH = 0.5, 99.5


def compare(shape: Shape) -> Comparison:
    """The percentiles are part of the job; ours are exact.  MONAI is given float32, the others int16."""
    x, out = images.ct(shape), np.empty(shape, np.float32)
    volume = Volume(x, Grid(IDENTITY, shape))
    ours: dict[str, Case] = {
        "fresh buffer": lambda: _ours(volume, None),
        "reused buffer": lambda: _ours(volume, out),
    }
    theirs, missing = peers.ready(
        {"NumPy": lambda: lambda: _numpy(x), "MONAI": lambda: _monai(x), "TorchIO": lambda: _torchio(x)}
    )
    low, high = np.percentile(x, (LOW, HIGH))

    def error(result: object) -> float:
        return float(abs(peers.array(result)[::8] - np.clip((x[::8] - low) / (high - low), 0, 1)).max())

    return Comparison(ours, theirs, missing, error, "largest absolute, against float64")


def _ours(volume: Volume, out: np.ndarray | None) -> np.ndarray:
    fit = Percentiles(LOW, HIGH)
    stage = fit.stage(fit.tally(volume, None, volume.spec), volume.spec)
    return np.asarray(intensity.ramp(volume.intensities, stage.ramp(volume.spec), out=out))


def _numpy(x: np.ndarray) -> np.ndarray:
    low, high = np.percentile(x, (LOW, HIGH))
    y = x.astype(np.float32)
    y -= np.float32(low)
    y /= np.float32(high - low)
    return np.clip(y, 0, 1, out=y)


def _monai(x: np.ndarray) -> Case:
    from monai.transforms import ScaleIntensityRangePercentiles

    image, run = peers.monai(x, images.SPACING), ScaleIntensityRangePercentiles(LOW, HIGH, 0.0, 1.0, clip=True)
    return lambda: run(image)


def _torchio(x: np.ndarray) -> Case:
    from torchio import RescaleIntensity

    image, run = peers.torchio(x, images.SPACING), RescaleIntensity((0, 1), percentiles=(LOW, HIGH))
    return lambda: run(image)


main = command("percentiles", {"percentile window": compare})

if __name__ == "__main__":
    main()
