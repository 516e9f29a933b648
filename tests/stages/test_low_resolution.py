"""Low resolution: L11, against an independent form, and its range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.stages.low_resolution import LowResolution
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

GRID = Grid(np.diag([2.5, 0.8, 1.0, 1]), (9, 20, 31), (3, -4, 5))
ZOOMS = st.tuples(*[st.floats(0.05, 1)] * 3)


def expected(x, zoom, order):
    """Gather and interpolate by index arrays: nearest at the centres of the coarse voxels, then SciPy."""
    counts = [max(1, round(n * z)) for n, z in zip(x.shape, zoom, strict=True)]
    steps = [n / m for n, m in zip(x.shape, counts, strict=True)]
    coarse = x[np.ix_(*[np.floor((np.arange(m) + 0.5) * s).astype(int) for m, s in zip(counts, steps, strict=True)])]
    at = np.meshgrid(*[(np.arange(n) + 0.5) / s - 0.5 for n, s in zip(x.shape, steps, strict=True)], indexing="ij")
    mode = "nearest" if order == 1 else "mirror"
    return map_coordinates(coarse.astype("f8"), at, order=order, mode=mode)


@settings(max_examples=40)
@given(volumes(("int16", "float32", "float16")), ZOOMS, st.sampled_from([1, 3]), st.data())
def test_any_cut_gives_the_whole(volume, zoom, order, data):
    whole = check_any_cut_gives_the_whole(LowResolution(zoom, order), volume, data)
    assert whole.array.dtype == volume.array.dtype
    if order == 1:
        assert whole.array.min() >= volume.array.min()
        assert whole.array.max() <= volume.array.max()


@pytest.mark.parametrize("zoom", [(0.5, 0.5, 0.5), (1, 0.83, 0.61), (0.1, 0.7, 0.55)])
@pytest.mark.parametrize("order", [1, 3])
def test_equals_an_independent_form(zoom, order):
    volume = Volume(np.random.default_rng(0).normal(0, 500, GRID.shape).astype("f4"), GRID)
    made = LowResolution(zoom, order)(volume, GRID, volume.spec).array
    np.testing.assert_allclose(made, expected(volume.array, zoom, order), atol=1e-5 * np.ptp(volume.array))


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("dtype", ["int16", "float16"])
def test_zoom_of_one_changes_nothing(order, dtype):
    volume = Volume(np.random.default_rng(0).normal(0, 500, GRID.shape).astype(dtype), GRID)
    assert np.array_equal(LowResolution((1, 1, 1), order)(volume, GRID, volume.spec).array, volume.array)


def test_refuses_labels():
    volume = Volume(np.ones(GRID.shape, "u1"), GRID, "labels")
    assert LowResolution.takes == ("image",)
    with pytest.raises(KindError):
        LowResolution((1, 1, 1))(volume, GRID, volume.spec)


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"zoom": (0, 1, 1)}, "zoom"), ({"zoom": (1, 1, 1.5)}, "zoom"), ({"zoom": (1, 1, 1), "order": 0}, "order")],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        LowResolution(**fields)
