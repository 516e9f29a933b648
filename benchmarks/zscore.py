"""Mean 0 and standard deviation 1 over all voxels, int16 to float32: ``python -m benchmarks.zscore``."""

from __future__ import annotations

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.fits.zscore import ZScore
from pipeline.grid import IDENTITY, Grid
from pipeline.kernels import intensity
from pipeline.volume import Volume


def compare(shape: Shape) -> Comparison:
    """The statistics are part of the job.  MONAI is given float32, the others int16."""
    x, out = images.ct(shape), np.empty(shape, np.float32)
    volume = Volume(x, Grid(IDENTITY, shape))
    ours: dict[str, Case] = {
        "fresh buffer": lambda: _ours(volume, None),
        "reused buffer": lambda: _ours(volume, out),
    }
    theirs, missing = peers.ready(
        {
            "NumPy": lambda: lambda: _numpy(x),
            "SimpleITK": lambda: _simpleitk(x),
            "MONAI": lambda: _monai(x),
            "TorchIO": lambda: _torchio(x),
        }
    )
    mean, sd = x.mean(dtype="f8"), x.std(dtype="f8")

    def error(result: object) -> float:
        return float(abs(peers.array(result)[::8] - (x[::8] - mean) / sd).max())

    return Comparison(ours, theirs, missing, error, "largest absolute, against float64")


def _ours(volume: Volume, out: np.ndarray | None) -> np.ndarray:
    fit = ZScore()
    stage = fit.stage(fit.tally(volume, None, volume.spec), volume.spec)
    return np.asarray(intensity.ramp(volume.intensities, stage.ramp(volume.spec), out=out))


def _numpy(x: np.ndarray) -> np.ndarray:
    y = x.astype(np.float32)
    mean, sd = y.mean(dtype="f8"), y.std(dtype="f8")
    y -= np.float32(mean)
    y /= np.float32(sd)
    return y


def _simpleitk(x: np.ndarray) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(x, images.SPACING)
    return lambda: sitk.Normalize(sitk.Cast(image, sitk.sitkFloat32))


def _monai(x: np.ndarray) -> Case:
    from monai.transforms import NormalizeIntensity

    image, run = peers.monai(x, images.SPACING), NormalizeIntensity()
    return lambda: run(image)


def _torchio(x: np.ndarray) -> Case:
    from torchio import ZNormalization

    image, run = peers.torchio(x, images.SPACING), ZNormalization()
    return lambda: run(image)


main = command("zscore", {"z-score": compare})

if __name__ == "__main__":
    main()
