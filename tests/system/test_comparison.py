"""The judge of the real series: equal whichever way the axes run, and never deaf to what is wrong."""

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from pipeline.grid import Grid
from pipeline.volume import Volume
from tests.system.comparison import Difference, Resampled, compare, place, volumes_of
from tests.system.placed_slices import Placed

FRAME = np.array([[0.1, 0.0, 0.8, -40.0], [0.3, 0.7, 0.0, 25.0], [2.5, -0.1, 0.0, 60.0], [0.0, 0.0, 0.0, 1.0]])
"""Oblique and sheared."""


def volume(seed: int = 0, shift: float = 0.0) -> Volume:
    array = np.random.default_rng(seed).integers(-1000, 3000, (5, 6, 7)).astype("i2")
    frame = FRAME.copy()
    frame[0, 3] += shift
    return Volume(array, Grid(frame, array.shape))


def slices(of: Volume) -> list[Placed]:
    origin, k, j, i = (of.grid.affine[:3, c] for c in (3, 0, 1, 2))
    return [Placed(values.astype("f8"), origin + n * k, j, i) for n, values in enumerate(of.array)]


def nifti(path: Path, volumes: list[Volume], axes: tuple[int, ...] = (2, 1, 0)) -> Path:
    """[i, j, k] and RAS; ``axes`` in another order, the first of them backwards."""
    frame = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volumes[0].grid.affine[:, [*axes, 3]]
    values = np.stack([np.flip(v.array.transpose(axes), 0) for v in volumes], -1)
    frame[:, 3] += frame[:, 0] * (values.shape[0] - 1)
    frame[:3, 0] *= -1
    nibabel.save(nibabel.Nifti1Image(values, frame), path)
    return path


def difference(references: list[Volume], ours: list[Volume]) -> Difference:
    found = compare(references, ours)
    assert isinstance(found, Difference)
    return found


@pytest.mark.parametrize("axes", [(2, 1, 0), (0, 1, 2), (1, 2, 0)])
def test_volumes_are_equal_whichever_way_a_file_holds_them(tmp_path: Path, axes: tuple[int, ...]) -> None:
    ours = [volume(0), volume(1)]
    found = difference(volumes_of(nifti(tmp_path / "a.nii.gz", ours[::-1], axes)), ours)
    assert (found.volumes, found.unequal, found.largest, found.factors) == (2, 0, 0, (1.0, 1.0))
    assert found.corner_mm < 1e-5


def test_a_shift_a_flip_and_a_voxel_are_seen() -> None:
    ours = volume()
    assert difference([volume(shift=0.02)], [ours]).corner_mm == pytest.approx(0.02)
    assert difference([Volume(ours.array[::-1], ours.grid)], [ours]).unequal > 100
    array = ours.array.copy()
    array[1, 2, 3] += 1
    found = difference([Volume(array, ours.grid)], [ours])
    assert (found.unequal, found.largest) == (1, 1)


def test_a_factor_is_named() -> None:
    ours = volume()
    assert difference([Volume(ours.array * 2.5, ours.grid)], [ours]).factors == (pytest.approx(2.5),)


def test_one_of_ours_stands_for_one_of_the_reference_only() -> None:
    assert not isinstance(compare([volume(0), volume(0)], [volume(0)]), Difference)
    assert difference([volume(0), volume(0)], [volume(0), volume(1)]).unequal > 100


def test_a_reference_on_another_grid_is_held_to_ours_interpolated() -> None:
    array = np.add.outer(np.add.outer(10.0 * np.arange(5), np.arange(6)), 3.0 * np.arange(7))
    ours = Volume(array, Grid(FRAME, array.shape))
    half = FRAME.copy()
    half[:3, 3] += FRAME[:3, :3] @ np.array([0.5, 1.5, 1.5])
    there = Volume(array[:3, :3, :3] + 5 + 1.5 + 4.5, Grid(half, (3, 3, 3)))
    found = compare([there], [ours])
    assert found == Resampled(27, pytest.approx(0, abs=1e-3))
    found = compare([Volume(there.array + 2, there.grid)], [ours])
    assert found == Resampled(27, pytest.approx(2, abs=1e-3))
    half[2, 3] += 900
    assert compare([Volume(there.array, Grid(half, (3, 3, 3)))], [ours]) is None


def test_slices_are_found_where_they_belong() -> None:
    ours = volume()
    right = place([ours], slices(ours))
    assert (right.slices, right.found, right.alien) == (5, 5, 0)
    assert right.corner_mm < 1e-12
    wrong = slices(ours)
    wrong[1], wrong[2] = replace(wrong[1], origin=wrong[2].origin), replace(wrong[2], origin=wrong[1].origin)
    assert place([ours], wrong).corner_mm == pytest.approx(np.linalg.norm(FRAME[:3, 0]))
    assert place([ours], wrong[:4]).alien == 1
    assert place([], wrong).found == 0
