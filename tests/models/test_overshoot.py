"""What a cubic overshoots is cut off as scikit-image's ``resize`` does, whole or slice by slice."""

import numpy as np
import pytest
from skimage.transform import resize

from pipeline.grid import Grid
from pipeline.kernels.ramp import Ramp
from pipeline.models.descriptor import Lattice
from pipeline.models.overshoot import clip
from pipeline.models.sliding import prepared
from pipeline.volume import Volume

RAMP = Ramp(-1000.0, 500.0, -100.0, 1 / 300, np.dtype("float32"))


def steps(shape: tuple[int, int, int], affine: object) -> Volume:
    """Sharp edges, and slices that differ in range."""
    rng = np.random.default_rng(0)
    array = rng.choice([-900, 0, 400], shape) * np.linspace(0.3, 1, shape[0])[:, None, None]
    return Volume(array.astype(np.int16), Grid(affine, shape))


def normalised(volume: Volume) -> np.ndarray:
    return (np.clip(volume.array, RAMP.low, RAMP.high) - RAMP.base) * RAMP.scale


def seen(lattice: Lattice, volume: Volume) -> Volume:
    return prepared(lattice, RAMP, volume, lattice.of(volume.grid), volume.grid)


def test_in_the_range_of_the_volume() -> None:
    volume = steps((9, 12, 10), np.diag([2.0, 1.5, 1.5, 1]))
    lattice = Lattice(spacing=(1.3, 1.1, 1.1), order=3, border="nearest", normalised=True, clip=True, anisotropy=3.0)
    made = seen(lattice, volume).array
    oracle = resize(normalised(volume), made.shape, 3, mode="edge", anti_aliasing=False)
    np.testing.assert_allclose(made, oracle, rtol=0, atol=1e-5)


def test_in_the_range_of_each_slice_where_one_axis_goes_by_nearest() -> None:
    volume = steps((5, 12, 10), np.diag([5.0, 1.5, 1.5, 1]))
    lattice = Lattice(spacing=(3.0, 1.1, 1.1), order=3, border="nearest", normalised=True, clip=True, anisotropy=3.0)
    made = seen(lattice, volume).array
    x = normalised(volume)
    slices = [resize(one, made.shape[1:], 3, mode="edge", anti_aliasing=False) for one in x]
    nearest = np.floor((np.arange(len(made)) + 0.5) * len(x) / len(made)).astype(int)
    np.testing.assert_allclose(made, np.stack(slices)[nearest], rtol=0, atol=1e-5)


def test_along_other_axes_it_is_the_same() -> None:
    """A source whose slices lie along j, turned to have them along k, flipped; and in pieces."""
    frame = np.eye(4)[[2, 1, 0, 3]] @ np.diag([5.0, 1.5, 1.5, 1])
    straight = steps((5, 12, 10), frame)
    turned = np.stack([frame[:, 1], -frame[:, 0], frame[:, 2], frame[:, 3] + 4 * frame[:, 0]], 1)
    other = Volume(np.ascontiguousarray(straight.array[::-1].transpose(1, 0, 2)), Grid(turned, (12, 5, 10)))
    lattice = Lattice((3.0, 1.1, 1.1), "LPS", 3, anisotropy=3.0, border="nearest", normalised=True, clip=True)
    whole = seen(lattice, straight)
    np.testing.assert_array_equal(seen(lattice, other).array, whole.array)
    piece = whole.grid.crop((2, 3, 4), (6, 9, 11))
    part = prepared(lattice, RAMP, other, piece, other.grid)
    np.testing.assert_array_equal(part.array, whole.array[whole.grid.slices(piece)])


def test_without_it_a_cubic_overshoots() -> None:
    volume = steps((5, 12, 10), np.diag([5.0, 1.5, 1.5, 1]))
    made = seen(Lattice(spacing=(3.0, 1.1, 1.1), order=3, normalised=True), volume)
    x = volume.with_array(normalised(volume).astype(np.float32))
    assert made.array.max() > x.array.max() + 0.1
    clip(made, x, (3, 3, 3))
    assert made.array.max() == x.array.max()


@pytest.mark.parametrize("anisotropy", [None, 3.0])
def test_a_voxel_that_is_no_number_does_not_widen_nor_void_the_range(anisotropy: float | None) -> None:
    """What it spoils by itself the network sees as 0."""
    volume = steps((5, 12, 30), np.diag([5.0, 1.5, 1.5, 1]))
    lattice = Lattice((3.0, 1.1, 1.1), None, 3, anisotropy=anisotropy, border="nearest", normalised=True, clip=True)
    clean = seen(lattice, volume).array
    holed = volume.array.astype(np.float32)
    holed[2, 6, 2] = np.nan
    made = seen(lattice, volume.with_array(holed)).array
    assert np.isfinite(made).all()
    np.testing.assert_array_equal(made[..., -8:], clean[..., -8:])


def test_it_goes_with_normalised() -> None:
    with pytest.raises(ValueError, match="normalised"):
        Lattice(clip=True)
