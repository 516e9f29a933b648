"""Otsu's threshold: scikit-image on integers, every threshold tried on floats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from pipeline.errors import Quarantine
from pipeline.fits.otsu import Otsu
from pipeline.reasons import Reason
from tests.fits.fitted import becomes, check_any_cut_gives_the_stage, inside, line, made, volume


@settings(max_examples=25)
@given(st.sampled_from([Otsu(), Otsu(closing_mm=3), Otsu(largest=True, within="m")]), st.data())
def test_any_cut_gives_the_stage(fit, data):
    check_any_cut_gives_the_stage(fit, data)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
@pytest.mark.parametrize("seed", range(4))
def test_equals_scikit_image(dtype, seed):
    image = volume(dtype, seed=seed)
    for fit, values in [(Otsu(), image.array), (Otsu(within="m"), inside(image).astype(dtype))]:
        stage = becomes(fit, image)
        above = values[values > threshold_otsu(values)]
        assert stage.lower == above.min()
    np.testing.assert_array_equal(made(becomes(Otsu(), image), image), image.array > threshold_otsu(image.array))


@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_of_floats_no_threshold_parts_better(dtype):
    x = np.sort(volume(dtype).array.ravel()).astype("f8") - 40
    below, n = np.cumsum(x), np.arange(1, x.size + 1)
    parting = ((x.sum() * n - x.size * below) ** 2 / np.where(n < x.size, n * (x.size - n), np.inf)).max()
    stage = becomes(Otsu(), line(x, dtype))
    k = np.searchsorted(x, stage.lower)
    own = (x.sum() * k - x.size * below[k - 1]) ** 2 / (k * (x.size - k))
    assert own == pytest.approx(parting, rel=1e-2 if dtype == "f4" else 1e-12)


@pytest.mark.parametrize("values", [[7, 7, 7], [np.nan, np.inf], [-0.0, 0.0]])
def test_without_contrast_a_volume_is_refused(values):
    with pytest.raises(Quarantine) as refused:
        becomes(Otsu(), line(values))
    assert refused.value.reason == Reason.NO_CONTRAST


def test_refuses():
    with pytest.raises(ValueError, match="closing_mm"):
        Otsu(closing_mm=-1)
