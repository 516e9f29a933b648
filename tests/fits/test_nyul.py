"""Nyul: an independent fit and map in NumPy, and the standard of several volumes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Quarantine, RecipeError
from pipeline.fits.nyul import Nyul, Standard
from pipeline.plan import Plan
from pipeline.reasons import Reason
from pipeline.settle import digest
from pipeline.stages.landmarks import Landmarks
from tests.fits.fitted import DTYPES, Checkered, becomes, check_any_cut_gives_the_stage, inside, line, made, volume

AT = [1, *range(10, 91, 10), 99]
STANDARD = (1.0, 9.0, 16.0, 25.0, 31.0, 44.0, 52.0, 61.0, 75.0, 83.0, 100.0)


@settings(max_examples=25)
@given(st.sampled_from([Nyul(STANDARD), Nyul(STANDARD, "m", "float16")]), st.data())
def test_any_cut_gives_the_stage(fit, data):
    check_any_cut_gives_the_stage(fit, data)


@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_numpy(dtype):
    image = volume(dtype)
    stage = becomes(Nyul(STANDARD, "m"), image)
    marks = np.percentile(inside(image), AT)
    np.testing.assert_allclose(stage.source, marks, rtol=1e-12)
    x = image.array.astype("f8")
    expected = np.interp(x, marks, STANDARD)
    first, last = ((STANDARD[b] - STANDARD[a]) / (marks[b] - marks[a]) for a, b in ((0, 1), (-2, -1)))
    expected = np.where(x < marks[0], STANDARD[0] + (x - marks[0]) * first, expected)
    expected = np.where(x > marks[-1], STANDARD[-1] + (x - marks[-1]) * last, expected)
    np.testing.assert_allclose(made(stage, image), expected, atol=2e-4)


def test_the_inverse_gives_the_source_back():
    image = volume("f4")
    stage = becomes(Nyul(STANDARD, "m"), image)
    np.testing.assert_allclose(made(stage.inverse, image.with_array(made(stage, image))), image.array, atol=2e-4)


def test_percentiles_of_one_value_count_as_the_highest():
    """Half of it is background: circulating scripts divide by zero here."""
    image = line([0] * 55 + list(range(1, 46)), "i2")
    stage = becomes(Nyul(STANDARD), image)
    assert stage.source[0] == 0
    assert stage.target == STANDARD[5:]


def test_the_standard_is_the_mean_of_what_volumes_have():
    images = [volume(dtype, seed=seed) for seed, dtype in enumerate(["i2", "u2", "f4"])]
    parts = []
    for image in images:
        plan = Plan(image.spec, (Nyul(),))
        (part,) = digest({"": plan}, image.crop_to, (4, 5, 6)).values()
        assert part == digest({"": plan}, image.crop_to)[""]
        parts.append(part)
    marks = [np.percentile(image.array.astype("f8"), AT) for image in images]
    expected = np.mean([1 + (m - m[0]) * 99 / (m[-1] - m[0]) for m in marks], axis=0)
    for order in ((0, 1, 2), (2, 0, 1)):
        a, b, c = (parts[n] for n in order)
        assert (a + b + c) == parts[0] + parts[1] + parts[2]
    entry = Nyul().entry(parts[0] + parts[1] + parts[2])
    np.testing.assert_allclose(entry["standard"], expected, rtol=1e-10)
    assert entry.pop("use") == "nyul"
    fitted = Nyul(**{**entry, "standard": tuple(entry["standard"])})
    assert isinstance(becomes(fitted, images[0]), Landmarks)


def test_what_cannot_be_is_refused():
    for values in ([5, 5, 5], [np.nan]):
        with pytest.raises(Quarantine) as refused:
            becomes(Nyul(STANDARD), line(values))
        assert refused.value.reason == Reason.NO_CONTRAST
        with pytest.raises(Quarantine):
            digest({"": Plan(line(values).spec, (Nyul(),))}, line(values).crop_to)
    with pytest.raises(RecipeError, match="standard"):
        becomes(Nyul(), volume())
    with pytest.raises(RecipeError, match="coincide"):
        Nyul().entry(Standard(1, (1,) * 11))
    with pytest.raises(ValueError, match="11"):
        Nyul((1.0, 2.0))
    with pytest.raises(ValueError, match="rise"):
        Nyul((*STANDARD[:10], 83.0))
    with pytest.raises(ValueError, match="dtype"):
        Nyul(dtype="uint8")


def test_a_mask_that_is_no_range_of_intensities():
    image = volume("f4")
    stage = becomes(Nyul(STANDARD, "m"), image, mask=Checkered())
    np.testing.assert_allclose(stage.source, np.percentile(image.array[..., 1::3].astype("f8"), AT), rtol=1e-12)
