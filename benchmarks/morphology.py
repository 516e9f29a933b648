"""Closing, opening and holes of a body's mask: ``python -m benchmarks.morphology``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from benchmarks import images, peers
from benchmarks.command import Comparison, Shape, command
from benchmarks.paired import Case
from pipeline.kernels import morphology
from pipeline.kernels.holes import holes

RADIUS = 3.0
"""mm: 2 voxels along k, 4 along j and i."""

Step = Literal["closing", "opening"]


def closing(shape: Shape) -> Comparison:
    """By a ball in mm; SimpleITK's by a box's ellipsoid of as many voxels.  Borders are left out of the error."""
    return _comparison(shape, "closing")


def opening(shape: Shape) -> Comparison:
    """As for closing."""
    return _comparison(shape, "opening")


def filling(shape: Shape) -> Comparison:
    """Background that no path joins to the border."""
    mask = _body(shape)
    theirs, missing = peers.ready(
        {"SimpleITK": lambda: _simpleitk_filling(mask), "SciPy": lambda: _scipy_filling(mask)}
    )
    expected = _filled(mask)
    return Comparison({"holes": lambda: _filled(mask)}, theirs, missing, _differing(expected), OF)


OF = "voxels that differ from ours"


def _body(shape: Shape) -> np.ndarray:
    return (images.ct(shape) > -500).astype(np.uint8)


def _filled(mask: np.ndarray) -> np.ndarray:
    return mask | np.asarray(holes(mask))


def _differing(expected: np.ndarray, margin: int = 0) -> Callable[[object], float]:
    inner = tuple(slice(min(margin, n // 3), n - min(margin, n // 3)) for n in expected.shape)
    return lambda result: float(np.count_nonzero((peers.array(result) != 0)[inner] != (expected != 0)[inner]))


def _comparison(shape: Shape, step: Step) -> Comparison:
    mask, ball = _body(shape), morphology.ball(RADIUS, images.SPACING)
    ours = {"closing": morphology.closing, "opening": morphology.opening}[step]
    theirs, missing = peers.ready(
        {
            "SimpleITK": lambda: _simpleitk(mask, step, morphology.radius(ball)),
            "SciPy": lambda: _scipy(mask, step, _footprint(ball)),
            "scikit-image": lambda: _skimage(mask, step),
        }
    )
    return Comparison({step: lambda: ours(mask, ball)}, theirs, missing, _differing(ours(mask, ball), 8), OF)


def _footprint(ball: morphology.Ball) -> np.ndarray:
    k, j, i = morphology.radius(ball)
    made = np.zeros((2 * k + 1, 2 * j + 1, 2 * i + 1), bool)
    for dk, dj, half in ball:
        made[k + dk, j + dj, i - half : i + half + 1] = True
    return made


def _simpleitk(mask: np.ndarray, step: Step, radius: tuple[int, int, int]) -> Case:
    import SimpleITK as sitk

    image, size = peers.simpleitk(mask, images.SPACING), radius[::-1]
    if step == "closing":
        return lambda: sitk.BinaryMorphologicalClosing(image, size, sitk.sitkBall, 1, True)
    return lambda: sitk.BinaryMorphologicalOpening(image, size, sitk.sitkBall, 0, 1)


def _scipy(mask: np.ndarray, step: Step, footprint: np.ndarray) -> Case:
    from scipy import ndimage

    run = ndimage.binary_closing if step == "closing" else ndimage.binary_opening
    return lambda: run(mask, footprint)


def _skimage(mask: np.ndarray, step: Step) -> Case:
    """By distances."""
    from skimage import morphology as theirs

    run = theirs.isotropic_closing if step == "closing" else theirs.isotropic_opening
    return lambda: run(mask, RADIUS, spacing=images.SPACING)


def _simpleitk_filling(mask: np.ndarray) -> Case:
    import SimpleITK as sitk

    image = peers.simpleitk(mask, images.SPACING)
    return lambda: sitk.BinaryFillhole(image)


def _scipy_filling(mask: np.ndarray) -> Case:
    from scipy.ndimage import binary_fill_holes

    return lambda: binary_fill_holes(mask)


main = command("morphology", {"closing": closing, "opening": opening, "fill holes": filling})

if __name__ == "__main__":
    main()
