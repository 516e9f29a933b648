"""Onto a grid of 1 mm that is turned about two axes, int16, linear and cubic: ``python -m benchmarks.affine``."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.kernels.affine import affine
from pipeline.kernels.positions import Positions

FILL = -1024
DEGREES = (10.0, 5.0)
"""About k, then about j."""


def linear(shape: Shape) -> Comparison:
    """torch and MONAI are given float32 and make float32, the others int16."""
    return _comparison(shape, 1)


def cubic(shape: Shape) -> Comparison:
    """The prefilter is part of the job."""
    return _comparison(shape, 3)


def _comparison(shape: Shape, order: int) -> Comparison:
    x, matrix = images.ct(shape), _matrix(shape)
    size = _size(shape)
    at = Positions(matrix, tuple((0, n) for n in size), tuple((0, n) for n in shape))  # type: ignore[arg-type]
    out = np.empty(size, "i2")
    ours: dict[str, Case] = {
        "fresh buffer": lambda: affine(x, at, (0, 0, 0), order=order, fill=FILL),
        "reused buffer": lambda: affine(x, at, (0, 0, 0), order=order, fill=FILL, out=out),
    }
    makers = {
        "SciPy": lambda: _scipy(x, matrix, size, order),
        "SimpleITK": lambda: _simpleitk(x, matrix, size, order),
        "torch grid_sample": lambda: _torch(x, matrix, size),
        "MONAI": lambda: _monai(x, matrix, size),
    }
    theirs, missing = peers.ready({name: makers[name] for name in list(makers)[: 4 if order == 1 else 2]})
    middle = slice(size[0] // 2, size[0] // 2 + 2)
    exact, well_inside = _float64(x, matrix, size, middle, order)

    def error(result: object) -> float:
        return float(abs(peers.array(result)[middle] - exact)[well_inside].max())

    return Comparison(ours, theirs, missing, error, "largest absolute in HU, two slices, against SciPy in float64")


def _size(shape: Shape) -> Shape:
    k, j, i = (round(n * s) for n, s in zip(shape, images.SPACING, strict=True))
    return k, j, i


def _matrix(shape: Shape) -> np.ndarray:
    """(3, 4): index on the target of 1 mm -> index on the source; both have one middle."""
    (a, b), (c, d) = ((cos(radians(t)), sin(radians(t))) for t in DEGREES)
    about_k = np.array([[1, 0, 0], [0, a, -b], [0, b, a]])
    about_j = np.array([[c, 0, d], [0, 1, 0], [-d, 0, c]])
    turned = np.diag([1 / s for s in images.SPACING]) @ about_k @ about_j
    middle, target = ((np.array(n) - 1) / 2 for n in (shape, _size(shape)))
    return np.column_stack([turned, middle - turned @ target])


def _float64(x: np.ndarray, matrix: np.ndarray, size: Shape, rows: slice, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Some slices, and which of their voxels lie a few voxels within the source, where all borders agree."""
    from scipy import ndimage

    at = np.indices((rows.stop - rows.start, *size[1:]), dtype="f8")
    at[0] += rows.start
    at = np.einsum("pq,q...->p...", matrix[:, :3], at) + matrix[:, 3].reshape(3, 1, 1, 1)
    low, high = max(0, int(at[0].min()) - 20), min(x.shape[0], int(at[0].max()) + 20)
    at[0] -= low
    exact = ndimage.map_coordinates(x[low:high].astype("f8"), at, order=order, mode="mirror")
    at[0] += low
    margin = order
    inside = [(p > margin) & (p < n - 1 - margin) for p, n in zip(at, x.shape, strict=True)]
    return exact, np.logical_and.reduce(inside)


def _scipy(x: np.ndarray, matrix: np.ndarray, size: Shape, order: int) -> Case:
    from scipy import ndimage

    return lambda: ndimage.affine_transform(x, matrix[:, :3], matrix[:, 3], size, order=order, cval=FILL)


def _simpleitk(x: np.ndarray, matrix: np.ndarray, size: Shape, order: int) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(x, images.SPACING)
    mm = np.diag(images.SPACING) @ matrix
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(mm[::-1, 2::-1].ravel().tolist())
    transform.SetTranslation(mm[::-1, 3].tolist())
    run = sitk.ResampleImageFilter()
    run.SetTransform(transform)
    run.SetInterpolator(sitk.sitkLinear if order == 1 else sitk.sitkBSpline)
    run.SetSize(size[::-1])
    run.SetDefaultPixelValue(FILL)
    return lambda: run.Execute(image)


def _torch(x: np.ndarray, matrix: np.ndarray, size: Shape) -> Case:
    """affine_grid is part of the job: it is what turns a matrix into positions."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    image = torch.as_tensor(x.astype("f4"))[None, None]
    to_source = np.diag([2 / (n - 1) for n in x.shape])
    from_target = np.diag([(n - 1) / 2 for n in size])
    turned = to_source @ matrix[:, :3] @ from_target
    moved = to_source @ (matrix[:, :3] @ ((np.array(size) - 1) / 2) + matrix[:, 3]) - 1
    theta = torch.as_tensor(np.column_stack([turned[::-1, ::-1], moved[::-1]])[None].astype("f4"))
    whole = (1, 1, *size)
    return lambda: grid_sample(image, affine_grid(theta, whole, align_corners=True), align_corners=True)


def _monai(x: np.ndarray, matrix: np.ndarray, size: Shape) -> Case:
    from monai.transforms import SpatialResample

    image, run = peers.monai(x, images.SPACING), SpatialResample(mode="bilinear", padding_mode="border")
    grid = np.vstack([np.diag(images.SPACING) @ matrix, [0, 0, 0, 1]])
    return lambda: run(image, dst_affine=grid, spatial_size=size)


main = command("affine", {"linear": linear, "cubic": cubic})

if __name__ == "__main__":
    main()
