"""Volumes against volumes at the same places, and slices against slices, without touching a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK
from scipy import ndimage

from pipeline.grid import Grid
from pipeline.volume import Volume
from tests.engine.jobs import positions
from tests.system.placed_slices import Placed


@dataclass(frozen=True)
class Difference:
    """Between the volumes of a reference and ours.

    Attributes
    ----------
    volumes : of the reference; each was compared with another one of ours
    corner_mm : largest distance between the places of a corner voxel
    unequal : voxels that differ once the reference is rounded to our type
    largest : largest difference of two values, the factor taken out
    factors : reference / ours of each volume, where that is one number to 6 digits; else 1
    """

    volumes: int
    corner_mm: float
    unequal: int
    largest: float
    factors: tuple[float, ...]


@dataclass(frozen=True)
class Resampled:
    """A reference that was interpolated to a grid of its own, against ours at the places of its voxels.

    Attributes
    ----------
    voxels : of the reference, a voxel or more inside one of our volumes
    largest : difference of a value from the trilinear interpolation of ours
    """

    voxels: int
    largest: float


@dataclass(frozen=True)
class Placement:
    """Published slices against those of the source.

    Attributes
    ----------
    slices, found : of the source; how many of them were published, each counted once
    corner_mm : largest distance of a published corner voxel from where its own slice says it is
    alien : published slices that are none of the source's
    """

    slices: int
    found: int
    corner_mm: float
    alien: int


def volumes_of(path: Path) -> list[Volume]:
    """What a file holds, as nibabel reads NIfTI and SimpleITK all else: voxels [k, j, i], places in LPS mm."""
    return _by_nibabel(path) if path.name.endswith((".nii", ".nii.gz")) else [_by_simpleitk(path)]


def _by_simpleitk(path: Path) -> Volume:
    image = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(image)
    frame = np.eye(4)
    frame[:3, :3] = (np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing())[:, ::-1]
    frame[:3, 3] = image.GetOrigin()
    return Volume(array, Grid(frame, array.shape))


def _by_nibabel(path: Path) -> list[Volume]:
    """Turned from [i, j, k] and RAS."""
    image = nibabel.load(path)
    values = np.asanyarray(image.dataobj)
    frame = (np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)[:, [2, 1, 0, 3]]
    volumes = np.moveaxis(values.reshape(*values.shape[:3], -1), 3, 0)
    return [Volume(v.T, Grid(frame, v.T.shape)) for v in volumes]


def turned(volume: Volume, like: Grid) -> Volume:
    """The same voxels at the same places, axes in the order and the sense of ``like``."""
    ours, wanted = (g.affine[:3, :3] / np.linalg.norm(g.affine[:3, :3], axis=0) for g in (volume.grid, like))
    order = [int(np.abs(ours.T @ column).argmax()) for column in wanted.T]
    array, frame = np.transpose(volume.array, order), volume.grid.affine[:, [*order, 3]]
    for axis in range(3):
        if frame[:3, axis] @ like.affine[:3, axis] < 0:
            array = np.flip(array, axis)
            frame[:3, 3] += frame[:3, axis] * (array.shape[axis] - 1)
            frame[:3, axis] *= -1
    return Volume(array, Grid(frame, array.shape))


def compare(references: Sequence[Volume], volumes: Sequence[Volume]) -> Difference | Resampled | None:
    """The volumes of a reference against ours; None where they have nothing in common."""
    matched = _matched(references, volumes)
    if matched is None:
        overlaps = [resampled(reference, ours) for reference in references for ours in volumes]
        return max((o for o in overlaps if o.voxels), key=lambda o: o.voxels, default=None)
    return matched


def _matched(references: Sequence[Volume], volumes: Sequence[Volume]) -> Difference | None:
    """Each volume of a reference against that of ours which is most like it; None where one has no counterpart."""
    left, pairs = list(volumes), []
    for reference in references:
        fits = [(turned(reference, ours.grid), ours) for ours in left]
        fits = [(there, ours) for there, ours in fits if there.array.shape == ours.array.shape]
        if not fits:
            return None
        pairs.append(max(fits, key=lambda fit: (-_unequal(*fit), _likeness(*fit))))
        left = [ours for ours in left if ours is not pairs[-1][1]]
    factors = tuple(_factor(there.array, ours.array) for there, ours in pairs)
    return Difference(
        volumes=len(references),
        corner_mm=max(_apart(there.grid, ours.grid) for there, ours in pairs),
        unequal=sum(_unequal(there, ours) for there, ours in pairs),
        largest=max(
            float(np.abs(there.array / factor - ours.array.astype("f8")).max())
            for (there, ours), factor in zip(pairs, factors, strict=True)
        ),
        factors=factors,
    )


def resampled(reference: Volume, ours: Volume) -> Resampled:
    """The voxels of a reference inside ours, against SciPy's linear interpolation of ours."""
    inverse = np.linalg.inv(ours.grid.affine) @ reference.grid.affine
    voxels = np.indices(reference.array.shape).reshape(3, -1)
    places = inverse[:3, :3] @ voxels + inverse[:3, 3:]
    last = np.array(ours.array.shape)[:, None] - 1
    margin = np.array([[-1e-4], [1.0], [1.0]])
    inside = ((places >= margin) & (places <= last - margin)).all(axis=0)
    if not inside.any():
        return Resampled(0, 0.0)
    expected = ndimage.map_coordinates(ours.array, places[:, inside].clip(0, last), output="f8", order=1)
    return Resampled(int(inside.sum()), float(np.abs(expected - reference.array.ravel()[inside]).max()))


def place(volumes: Sequence[Volume], slices: Sequence[Placed]) -> Placement:
    """Each published slice against the nearest slice of the source with the same values."""
    left, worst, alien = list(slices), 0.0, 0
    for volume in volumes:
        for k, values in enumerate(volume.array):
            here = positions(volume.grid.affine, volume.grid.shape)[:4] + volume.grid.affine[:3, 0] * k
            same = [s for s in left if _holds(s, values)]
            if not same:
                alien += 1
                continue
            nearest = min(same, key=lambda s: _largest(here - s.corners))
            worst = max(worst, _largest(here - nearest.corners))
            left = [s for s in left if s is not nearest]
    return Placement(len(slices), len(slices) - len(left), worst, alien)


def _holds(placed: Placed, values: np.ndarray) -> bool:
    return placed.values.shape == values.shape and np.array_equal(placed.values.astype(values.dtype), values)


def _apart(a: Grid, b: Grid) -> float:
    return _largest(positions(a.affine, a.shape) - positions(b.affine, b.shape))


def _largest(offsets: np.ndarray) -> float:
    return float(np.linalg.norm(offsets, axis=-1).max())


def _unequal(there: Volume, ours: Volume) -> int:
    return int((there.array.astype(ours.array.dtype) != ours.array).sum())


def _likeness(a: Volume, b: Volume) -> float:
    """Correlation; 0 where there is no contrast."""
    return float(np.corrcoef(a.array.ravel(), b.array.ravel())[0, 1]) if a.array.std() and b.array.std() else 0.0


def _factor(reference: np.ndarray, ours: np.ndarray) -> float:
    """c, if the reference is c times ours to 6 digits of its largest value; else 1."""
    top = np.unravel_index(np.abs(ours).argmax(), ours.shape)
    if not ours[top]:
        return 1.0
    factor = float(reference[top]) / float(ours[top])
    off = float(np.abs(reference - ours.astype("f8") * factor).max())
    return factor if off <= 1e-6 * abs(float(reference[top])) and abs(factor - 1) > 1e-6 else 1.0
