"""Percentiles: NumPy's in float64, exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Quarantine
from pipeline.fits.percentiles import Percentiles
from pipeline.reasons import Reason
from tests.fits.fitted import DTYPES, Checkered, becomes, check_any_cut_gives_the_stage, inside, line, made, volume

FITS = st.sampled_from([Percentiles(), Percentiles(0, 100, clip=False), Percentiles(2, 40, (-1, 1), within="m")])


@settings(max_examples=25)
@given(FITS, st.data())
def test_any_cut_gives_the_stage(fit, data):
    check_any_cut_gives_the_stage(fit, data)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ends", [(0, 100), (0.5, 99.5), (1 / 3, 66.6)])
def test_equals_numpy(dtype, ends):
    image = volume(dtype)
    for within, values in [(None, image.array.astype("f8")), ("m", inside(image))]:
        stage = becomes(Percentiles(*ends, within=within), image)
        assert (stage.lower, stage.upper) == pytest.approx(np.percentile(values, ends), rel=1e-14)


def test_the_ends_become_the_range():
    image = volume("f4")
    result = made(becomes(Percentiles(), image), image)
    assert (result.min(), result.max()) == (0, pytest.approx(1, abs=1e-7))
    free = made(becomes(Percentiles(clip=False), image), image)
    assert free.min() < 0
    assert free.max() > 1
    octets = made(becomes(Percentiles(to=(0, 255), dtype="uint8"), image), image)
    np.testing.assert_array_equal(octets, np.rint(result.astype("f8") * 255))


@pytest.mark.parametrize("values", [[7, 7, 7], [np.nan], [0] * 999 + [1]])
def test_without_contrast_a_volume_is_refused(values):
    with pytest.raises(Quarantine) as refused:
        becomes(Percentiles(), line(values))
    assert refused.value.reason == Reason.NO_CONTRAST


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"lower": 50, "upper": 50}, "percentiles"),
        ({"upper": 101}, "percentiles"),
        ({"lower": float("nan")}, "percentiles"),
        ({"to": (1, 1)}, "to must"),
        ({"dtype": "int16"}, "dtype"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Percentiles(**fields)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mask_that_is_no_range_of_intensities(dtype):
    image = volume(dtype)
    stage = becomes(Percentiles(3, 70, within="m"), image, mask=Checkered())
    expected = np.percentile(image.array[..., 1::3].astype("f8"), (3, 70))
    assert (stage.lower, stage.upper) == pytest.approx(expected, rel=1e-14)
