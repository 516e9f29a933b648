"""Z-scores: mean 0, sd 1, by NumPy in float64; what stays 0; what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Quarantine
from pipeline.fits.zscore import ZScore
from pipeline.reasons import Reason
from tests.fits.fitted import DTYPES, Checkered, becomes, check_any_cut_gives_the_stage, inside, line, made, volume

FITS = st.sampled_from([ZScore(), ZScore(of="nonzero"), ZScore(within="m"), ZScore("nonzero", "m", "float16")])


@settings(max_examples=25)
@given(FITS, st.data())
def test_any_cut_gives_the_stage(fit, data):
    check_any_cut_gives_the_stage(fit, data)


@pytest.mark.parametrize("dtype", DTYPES)
def test_mean_0_and_sd_1_in_float32(dtype):
    image = volume(dtype)
    made_of_all = made(becomes(ZScore(), image), image)
    assert made_of_all.mean(dtype="f8") == pytest.approx(0, abs=1e-4)
    assert made_of_all.std(dtype="f8") == pytest.approx(1, abs=1e-4)
    within = made(becomes(ZScore(within="m"), image), image)[image.array >= 60]
    assert within.mean(dtype="f8") == pytest.approx(0, abs=1e-4)
    assert within.std(dtype="f8") == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_numbers_are_numpys(dtype):
    image = volume(dtype)
    for fit, values in [
        (ZScore(), image.array.astype("f8")),
        (ZScore("nonzero"), image.array[image.array != 0].astype("f8")),
        (ZScore(within="m"), inside(image)),
    ]:
        stage = becomes(fit, image)
        assert stage.base == pytest.approx(values.mean(), rel=1e-7)
        assert 1 / stage.scale == pytest.approx(values.std(), rel=1e-7)


def test_a_large_offset_does_not_spoil_it():
    """Sums of squares in float32 would lose the spread."""
    image = line(30000 + np.random.default_rng(0).integers(0, 9, 4000), "u2")
    result = made(becomes(ZScore(), image), image)
    assert (result.mean(dtype="f8"), result.std(dtype="f8")) == pytest.approx((0, 1), abs=1e-4)


def test_background_that_is_0_stays_0():
    image = line([0, 0, 0, 10, 20, 30])
    np.testing.assert_allclose(
        made(becomes(ZScore("nonzero"), image), image).ravel(), [0, 0, 0, -1.224745, 0, 1.224745], atol=1e-6
    )


def test_the_inverse_gives_the_source_back():
    image = volume("f4")
    stage = becomes(ZScore(within="m"), image)
    np.testing.assert_allclose(made(stage.inverse, image.with_array(made(stage, image))), image.array, atol=1e-4)


def test_nan_is_not_looked_at_and_stays():
    result = made(becomes(ZScore(), line([1, np.nan, 3])), line([1, np.nan, 3])).ravel()
    np.testing.assert_array_equal(result, np.array([-1, np.nan, 1], "f4"))


@pytest.mark.parametrize(
    ("fit", "values"),
    [
        (ZScore(), [7, 7, 7]),
        (ZScore(), [np.nan, np.inf]),
        (ZScore("nonzero"), [0, 0]),
        (ZScore("nonzero"), [0, 5, 5]),
        (ZScore(within="m"), [1, 2, 3]),
    ],
)
def test_without_contrast_a_volume_is_refused(fit, values):
    with pytest.raises(Quarantine) as refused:
        becomes(fit, line(values))
    assert refused.value.reason == Reason.NO_CONTRAST


def test_refuses():
    with pytest.raises(ValueError, match="of must be"):
        ZScore(of="some")
    with pytest.raises(ValueError, match="dtype"):
        ZScore(dtype="uint8")


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mask_that_is_no_range_of_intensities(dtype):
    image = volume(dtype)
    chosen = image.array[..., 1::3].astype("f8")
    for fit, values in [(ZScore(within="m"), chosen), (ZScore("nonzero", "m"), chosen[chosen != 0])]:
        stage = becomes(fit, image, mask=Checkered())
        assert (stage.base, 1 / stage.scale) == pytest.approx((values.mean(), values.std()), rel=1e-7)
