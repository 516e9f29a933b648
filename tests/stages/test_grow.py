"""Region growing: L11, SimpleITK's ConnectedThreshold as oracle, leaks and seeds that are refused."""

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.errors import KindError, Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason
from pipeline.stages.grow import Grow
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, turned, volumes


@given(volumes(("int16",)), st.sampled_from([6, 26]), st.data())
def test_any_cut_gives_the_whole(volume, connectivity, data):
    seed = tuple(data.draw(st.integers(0, n - 1)) for n in volume.grid.shape)
    value = float(volume.array[seed])
    stage = Grow((volume.grid.position(seed),), value - 40, value + 40, connectivity)
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    image = SimpleITK.GetImageFromArray(volume.array)
    oracle = SimpleITK.ConnectedThreshold(image, [seed[::-1]], value - 40, value + 40, 1, connectivity == 26)
    np.testing.assert_array_equal(whole.array, SimpleITK.GetArrayFromImage(oracle))


def two_rods():
    x = np.zeros((4, 6, 20), "i2")
    x[1, 2, 3:18] = 100
    x[3, 4, 5:9] = 120
    x[0, 0, 0] = 110
    return Volume(
        x, Grid(turned((2.0, 1.0, 1.0), (0.3, -0.2, 1.0), (1, -1, 1), (40.0, -7.0, 90.0)), x.shape, (5, -2, 0))
    )


def grown(volume, *seeds, **limits):
    stage = Grow(tuple(volume.grid.position(seed) for seed in seeds), lower=90, **limits)
    return stage(volume, volume.grid, volume.spec).array


def test_grows_from_every_seed_and_from_nothing_else():
    volume = two_rods()
    assert grown(volume, (1, 2, 10)).sum() == 15
    both = grown(volume, (1, 2, 10), (3, 4, 5.4))
    np.testing.assert_array_equal(both, ndimage.binary_opening(volume.array > 0, np.ones((1, 1, 2))))


@pytest.mark.parametrize(
    ("limits", "leaks"),
    [
        ({"max_ml": 0.0301}, False),
        ({"max_ml": 0.029}, True),
        ({"max_mm": 7.0}, False),
        ({"max_mm": 6.9}, True),
        ({"max_ml": 0.0301, "max_mm": 6.9}, True),
    ],
)
def test_a_leak_is_refused(limits, leaks):
    """The rod has 15 voxels of 2 mm3; its ends lie 7 mm from the middle."""
    if leaks:
        with pytest.raises(Quarantine) as refused:
            grown(two_rods(), (1, 2, 10), **limits)
        assert refused.value.reason is Reason.REGION_LEAK
    else:
        assert grown(two_rods(), (1, 2, 10), **limits).any()


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        ((1, 3, 10), Reason.SEED_MISMATCH),
        ((-1, 2, 10), Reason.SEED_OUTSIDE),
        ((1, 2, 19.6), Reason.SEED_OUTSIDE),
    ],
)
def test_a_seed_that_does_not_fit_is_refused(seed, reason):
    for seeds in ([seed], [(1, 2, 10), seed]):
        with pytest.raises(Quarantine) as refused:
            grown(two_rods(), *seeds)
        assert refused.value.reason is reason


def test_refuses_labels():
    volume = Volume(np.ones((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    assert Grow.takes == ("image",)
    with pytest.raises(KindError):
        Grow(((0.0, 0.0, 0.0),), lower=0)(volume, volume.grid, volume.spec)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"seeds": (), "lower": 0}, "seeds"),
        ({"seeds": ((0.0, float("nan"), 0.0),), "lower": 0}, "seeds"),
        ({"seeds": ((0.0, 0.0),), "lower": 0}, "seeds"),
        ({}, "lower"),
        ({"lower": 2, "upper": 1}, "lower <= upper"),
        ({"lower": 0, "connectivity": 18}, "connectivity"),
        ({"lower": 0, "max_ml": 0.0}, "max_ml"),
        ({"lower": 0, "max_mm": float("inf")}, "max_mm"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Grow(**{"seeds": ((0.0, 0.0, 0.0),), **fields})
