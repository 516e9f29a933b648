"""Equalisation: scikit-image and the distribution function itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.exposure import equalize_hist

from pipeline.errors import Quarantine
from pipeline.fits.equalize import Equalize
from pipeline.reasons import Reason
from tests.fits.fitted import DTYPES, becomes, check_any_cut_gives_the_stage, inside, line, made, volume


@settings(max_examples=25)
@given(st.sampled_from([Equalize(), Equalize(7, within="m"), Equalize(dtype="uint8")]), st.data())
def test_any_cut_gives_the_stage(fit, data):
    check_any_cut_gives_the_stage(fit, data)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
@pytest.mark.parametrize("levels", [2, 16, 256, 4096])
def test_equals_scikit_image_to_a_level(dtype, levels):
    image = volume(dtype)
    result = made(becomes(Equalize(levels), image), image)
    np.testing.assert_allclose(result, equalize_hist(image.array), atol=1 / levels)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("share", [0, 0.6])
def test_is_the_distribution_function_to_a_level(dtype, share):
    image = volume(dtype)
    image.array[np.random.default_rng(5).random(image.array.shape) < share] = 11
    values = np.sort(image.array.ravel())
    expected = np.searchsorted(values, image.array, side="right") / values.size
    result = made(becomes(Equalize(64), image), image)
    np.testing.assert_allclose(result, expected, atol=1 / 64 + 1e-6)
    if dtype != "f4":
        assert (result[image.array == image.array.max()] == 1).all()


def test_within_a_mask():
    image = volume("i2")
    result = made(becomes(Equalize(256, "m"), image), image)[image.array >= 60]
    values = np.sort(inside(image))
    expected = np.searchsorted(values, image.array[image.array >= 60], side="right") / values.size
    np.testing.assert_allclose(result, expected, atol=1 / 256)


def test_to_uint8():
    image = volume("i2")
    octets, unit = (made(becomes(Equalize(dtype=dtype), image), image) for dtype in ("uint8", "float32"))
    assert np.abs(octets - unit * 255.0).max() <= 0.501


@pytest.mark.parametrize("values", [[7, 7, 7], [np.nan], [-0.0, 0.0]])
def test_without_contrast_a_volume_is_refused(values):
    with pytest.raises(Quarantine) as refused:
        becomes(Equalize(), line(values))
    assert refused.value.reason == Reason.NO_CONTRAST


def test_refuses():
    for levels in (1, 4097):
        with pytest.raises(ValueError, match="levels"):
            Equalize(levels)
    with pytest.raises(ValueError, match="dtype"):
        Equalize(dtype="int16")
