"""Resampling to 1 mm along the axes, int16: ``python -m benchmarks.resample``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.grid import Grid
from pipeline.kernels import tables
from pipeline.kernels.ramp import window
from pipeline.kernels.resample import resample

TARGET = (1.0, 1.0, 1.0)
FILL = -1024
MARGIN = 16
"""Voxels from each face of the source within which peers differ in what lies beyond."""

Makers = dict[str, Callable[[], Case]]


def linear(shape: Shape) -> Comparison:
    """SimpleITK, SciPy and dask-image make int16; MONAI, TorchIO, nnU-Net and torch are given float32 and make it."""
    return _comparison(shape, 1)


def cubic(shape: Shape) -> Comparison:
    """The interpolating B-spline, its prefilter included; dask-image leaves that out, and MONAI goes by SciPy."""
    return _comparison(shape, 3)


def two_threads(shape: Shape) -> Comparison:
    """Cubic in two Python threads, half of the rows each, against one: kernels release the interpreter."""
    x, target = images.ct(shape), _target(shape)
    out = np.empty(target.shape, "i2")
    middle = target.shape[1] // 2
    halves = [slice(0, middle), slice(middle, target.shape[1])]
    pool = ThreadPoolExecutor(2)

    def half(rows: slice) -> None:
        resample(x, _axes(shape, target, 3, rows), (0, 0, 0), fill=FILL, out=out[:, rows])

    return Comparison({"two threads": lambda: list(pool.map(half, halves))}, {"one thread": lambda: half(slice(None))})


def _comparison(shape: Shape, order: int) -> Comparison:
    x, target = images.ct(shape), _target(shape)
    axes = _axes(shape, target, order)
    soft = window(40, 400, "float16")
    integers, halves = np.empty(target.shape, "i2"), np.empty(target.shape, "f2")
    ours: dict[str, Case] = {
        "reused buffer": lambda: resample(x, axes, (0, 0, 0), fill=FILL, out=integers),
        "fresh buffer": lambda: resample(x, axes, (0, 0, 0), fill=FILL),
        "window, float16": lambda: resample(x, axes, (0, 0, 0), fill=FILL, ramp=soft, out=halves),
    }
    makers: Makers = {
        "SimpleITK": lambda: _simpleitk(x, target, order),
        "SciPy": lambda: _scipy(x, target, order),
        "MONAI": lambda: _monai(x, order),
        "TorchIO": lambda: _torchio(x, order),
        "nnU-Net": lambda: _nnunet(x, target, order),
        "dask-image": lambda: _dask(x, target, order),
    }
    if order == 1:
        makers["torch interpolate"] = lambda: _torch(x, target)
    theirs, missing = peers.ready(makers)
    rows = slice(target.shape[0] // 2, target.shape[0] // 2 + 2)
    exact = _float64(x, target, order, rows)

    def error(result: object) -> float | None:
        """None too for what went through a window."""
        made, grid = peers.array(result), np.asarray(getattr(result, "affine", target.affine))
        if made.dtype == np.float16 or made.shape != target.shape or not np.allclose(grid, target.affine):
            return None
        inner = (slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
        return float(abs(made[rows] - exact)[inner].max())

    return Comparison(ours, theirs, missing, error, "largest absolute in HU, two slices, against SciPy in float64")


def _target(shape: Shape) -> Grid:
    return Grid(np.diag([*images.SPACING, 1.0]), shape).respace(TARGET)


def _axes(shape: Shape, target: Grid, order: int, some: slice = slice(None)) -> list[tables.Table]:
    """The tables, as a stage looks them up, of some rows of the target's slices."""
    source = Grid(np.diag([*images.SPACING, 1.0]), shape)
    k, j, i = target.shape
    rows = [(0, k), some.indices(j)[:2], (0, i)]
    lines = zip(source.axes(target), rows, shape, strict=True)
    return [tables.spline(*line, order, row, (0, n)) for line, row, n in lines]  # type: ignore[arg-type]


def _places(x: np.ndarray, target: Grid) -> list[tuple[float, float]]:
    """Per axis (step, offset): source index = step * target index + offset."""
    return list(Grid(np.diag([*images.SPACING, 1.0]), x.shape).axes(target))  # type: ignore[arg-type]


def _float64(x: np.ndarray, target: Grid, order: int, rows: slice) -> np.ndarray:
    from scipy import ndimage

    (step, offset), *others = _places(x, target)
    first = max(0, int(step * rows.start + offset) - 20)
    last = min(x.shape[0], first + 60)
    shape = (rows.stop - rows.start, *target.shape[1:])
    shift = [step * rows.start + offset - first, *(o for _, o in others)]
    steps = [step, *(s for s, _ in others)]
    return np.asarray(
        ndimage.affine_transform(x[first:last].astype("f8"), steps, shift, shape, order=order, mode="mirror")
    )


def _simpleitk(x: np.ndarray, target: Grid, order: int) -> Case:
    """The filter is ready to execute; it cuts fractions off where ours rounds."""
    import SimpleITK as sitk

    image = peers.simpleitk(x, images.SPACING)
    run = sitk.ResampleImageFilter()
    run.SetInterpolator(sitk.sitkLinear if order == 1 else sitk.sitkBSpline)
    run.SetSize(target.shape[::-1])
    run.SetOutputSpacing(target.spacing[::-1])
    run.SetOutputOrigin(target.position((0, 0, 0))[::-1])
    run.SetDefaultPixelValue(FILL)
    return lambda: run.Execute(image)


def _scipy(x: np.ndarray, target: Grid, order: int) -> Case:
    from scipy import ndimage

    steps, offsets = zip(*_places(x, target), strict=True)
    return lambda: ndimage.affine_transform(x, steps, offsets, target.shape, order=order, mode="nearest")


def _monai(x: np.ndarray, order: int) -> Case:
    from monai.transforms import Spacing

    how = {"mode": "bilinear"} if order == 1 else {"mode": 3, "padding_mode": "mirror"}
    image, run = peers.monai(x, images.SPACING), Spacing(TARGET, **how)
    return lambda: run(image)


def _torchio(x: np.ndarray, order: int) -> Case:
    from torchio import Resample

    image = peers.torchio(x.astype("f4"), images.SPACING)
    run = Resample(TARGET, image_interpolation="linear" if order == 1 else "bspline")
    return lambda: run(image)


def _nnunet(x: np.ndarray, target: Grid, order: int) -> Case:
    from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

    image, how = x.astype("f4")[None], {"order": order, "order_z": 0, "force_separate_z": None}
    return lambda: resample_data_or_seg_to_shape(image, target.shape, images.SPACING, TARGET, **how)


def _dask(x: np.ndarray, target: Grid, order: int) -> Case:
    import dask.array as da
    from dask_image.ndinterp import affine_transform

    steps, offsets = zip(*_places(x, target), strict=True)
    image = da.from_array(x, chunks=x.shape)

    def run() -> np.ndarray:
        made = affine_transform(
            image, np.diag(steps), offsets, target.shape, order=order, mode="nearest", output_chunks=target.shape
        )
        return np.asarray(made.compute(scheduler="synchronous"))

    return run


def _torch(x: np.ndarray, target: Grid) -> Case:
    import torch
    from torch.nn.functional import interpolate

    image = torch.as_tensor(x.astype("f4"))[None, None]
    return lambda: interpolate(image, target.shape, mode="trilinear", align_corners=False)


main = command("resample", {"linear": linear, "cubic": cubic, "two threads": two_threads})

if __name__ == "__main__":
    main()
