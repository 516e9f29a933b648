"""Linear resampling to 1 mm against SimpleITK, int16, one thread each.

``python -m benchmarks.resample [--shape 300 512 512] [--repeats 7] [--json FILE] [--date DATE]``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from benchmarks.paired import Table, paired
from pipeline.grid import Grid
from pipeline.kernels import tables
from pipeline.kernels.ramp import window
from pipeline.kernels.resample import resample
from pipeline.volume import Spec

SOURCE_MM = (1.25, 0.7, 0.7)
TARGET_MM = (1.0, 1.0, 1.0)
AIR, FILL = -1024, -2000


def compare(shape: Sequence[int], repeats: int) -> Table:
    """Ours with a buffer used again and with a fresh one, and with window and cast fused, against SimpleITK.

    Ours counts what the stage does a volume: the tables are looked up, all else is done anew.  Values are
    checked first.  SimpleITK cuts fractions off where ours rounds, so they may differ by 1; and it fills on the very
    face of the last voxel, which to ours is still the border.
    """
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    source = Spec(Grid(np.diag([*SOURCE_MM, 1.0]), tuple(shape)), "image", np.dtype("i2"))  # type: ignore[arg-type]
    target = source.grid.respace(TARGET_MM)
    x = np.random.default_rng(0).integers(AIR, 3071, source.grid.shape, "i2", endpoint=True)
    lines = zip(source.grid.axes(target), target.shape, source.grid.shape, strict=True)
    axes = [tables.spline(*line, 1, (0, n), (0, m)) for line, n, m in lines]
    soft = window(40, 400, "float16")
    integers, halves = np.empty(target.shape, "i2"), np.empty(target.shape, "f2")
    theirs = _simpleitk(x, target)

    resample(x, axes, (0, 0, 0), fill=FILL, out=integers)
    expected = sitk.GetArrayFromImage(theirs())
    if abs(integers.astype("i4") - expected)[expected != FILL].max() > 1:
        raise AssertionError("ours and SimpleITK's differ by more than 1")
    ours = {
        "reused buffer": lambda: resample(x, axes, (0, 0, 0), fill=FILL, out=integers),
        "fresh buffer": lambda: resample(x, axes, (0, 0, 0), fill=FILL),
        "window, float16": lambda: resample(x, axes, (0, 0, 0), fill=FILL, ramp=soft, out=halves),
    }
    return paired(ours, {"SimpleITK": theirs}, repeats)


def _simpleitk(x: np.ndarray, target: Grid):  # type: ignore[no-untyped-def]
    """Their filter, ready to execute: image and reference grid are made beforehand."""
    image = sitk.GetImageFromArray(x)
    image.SetSpacing(SOURCE_MM[::-1])
    run = sitk.ResampleImageFilter()
    run.SetInterpolator(sitk.sitkLinear)
    run.SetSize(target.shape[::-1])
    run.SetOutputSpacing(target.spacing[::-1])
    run.SetOutputOrigin(target.position((0, 0, 0))[::-1])
    run.SetDefaultPixelValue(FILL)
    return lambda: run.Execute(image)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table; writes it where asked."""
    parser = argparse.ArgumentParser(description="Linear resampling to 1 mm against SimpleITK, int16, one thread each.")
    parser.add_argument("--shape", type=int, nargs=3, default=(300, 512, 512), metavar=("K", "J", "I"))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--date", help="written to the file as it is")
    told = parser.parse_args(arguments)
    table = compare(told.shape, told.repeats)
    print(table)
    if told.json:
        about = {"benchmark": "resample", "date": told.date, "shape": list(told.shape), "repeats": told.repeats}
        table.save(told.json, ("numpy", "numba", "simpleitk"), **about)


if __name__ == "__main__":
    main()
