"""Blur: L11, against SciPy in float64, and what a Gaussian keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.blur import Blur
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

SPACING = (2.5, 0.8, 1.0)
GRID = Grid(np.diag([*SPACING, 1]), (9, 20, 24), (3, -4, 5))
SIGMAS = st.tuples(*[st.sampled_from([0, 0.3, 0.9, 2.0])] * 3)


@settings(max_examples=40)
@given(volumes(("int16", "float32", "float16")), SIGMAS, st.data())
def test_any_cut_gives_the_whole(volume, sigma, data):
    whole = check_any_cut_gives_the_whole(Blur(sigma), volume, data)
    assert whole.array.dtype == volume.array.dtype


@pytest.mark.parametrize("sigma", [(2.5, 1.0, 1.0), (0, 0.5, 3), (30, 30, 30)])
def test_equals_scipy(sigma):
    x = np.random.default_rng(0).normal(0, 500, GRID.shape).astype("f4")
    made = Blur(sigma)(Volume(x, GRID), GRID, Volume(x, GRID).spec).array
    exact = gaussian_filter(x.astype("f8"), np.divide(sigma, SPACING), mode="nearest", truncate=4)
    np.testing.assert_allclose(made, exact, atol=1e-6 * np.ptp(x))


def test_a_constant_stays_and_nothing_overshoots():
    volume = Volume(np.full(GRID.shape, -1000, "i2"), GRID)
    assert (Blur((3, 1, 1))(volume, GRID, volume.spec).array == -1000).all()
    step = Volume(np.where(np.arange(24) < 12, -1000, 1000).astype("i2") + np.zeros(GRID.shape, "i2"), GRID)
    blurred = Blur((3, 1, 1))(step, GRID, step.spec).array
    assert (np.diff(blurred.astype(int), axis=2) >= 0).all()
    assert (blurred.min(), blurred.max()) == (-1000, 1000)


def test_refuses_labels():
    volume = Volume(np.ones(GRID.shape, "u1"), GRID, "labels")
    assert Blur.takes == ("image",)
    with pytest.raises(KindError):
        Blur((1, 1, 1))(volume, GRID, volume.spec)


@pytest.mark.parametrize("sigma", [(-1, 1, 1), (1, 1, np.nan), (1, 1)])
def test_refuses(sigma):
    with pytest.raises(ValueError, match="sigma_mm"):
        Blur(sigma)
