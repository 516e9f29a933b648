"""The fingerprint: NumPy over all volumes together, as nnU-Net does it with all voxels for its sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import Quarantine, RecipeError
from pipeline.fits.fingerprint import Fingerprint
from pipeline.plan import Plan
from pipeline.settle import digest
from pipeline.stages.linear import Linear
from pipeline.stages.threshold import Threshold
from pipeline.tally.survey import Survey
from tests.fits.fitted import inside, line, made, volume

FIT = Fingerprint(within="m")


def digested(image, block=None):
    plan = Plan(image.spec, (FIT,), (("m", (Threshold(lower=60),)),))
    return digest({"": plan}, image.crop_to, block)[""]


@settings(max_examples=20)
@given(st.sampled_from(["i2", "u2", "u1", "f4", "f2"]), st.tuples(*[st.integers(2, 14)] * 3))
def test_any_cut_gives_the_digest(dtype, block):
    image = volume(dtype)
    whole, cut = digested(image), digested(image, block)
    assert np.array_equal(whole.counts, cut.counts)
    assert (whole.spacings, whole.shapes) == (cut.spacings, cut.shapes) == ((image.grid.spacing,), (image.grid.shape,))


def test_becomes_the_normalisation_of_the_archive():
    kinds = [("i2", (9, 9, 9)), ("f4", (5, 8, 7)), ("u1", (6, 6, 6))]
    images = [volume(dtype, shape, seed) for seed, (dtype, shape) in enumerate(kinds)]
    a, b, c = map(digested, images)
    entry = FIT.entry(a + b + c)
    assert entry == FIT.entry(c + a + b)
    values = np.rint(np.concatenate([inside(image) for image in images]))
    low, high = np.percentile(values, (0.5, 99.5))
    assert (entry.pop("use"), entry["dtype"]) == ("linear", "float32")
    numbers = {"base": values.mean(), "scale": 1 / values.std(), "low": low, "high": high}
    assert {name: entry[name] for name in numbers} == pytest.approx(numbers, rel=1e-9)
    result = made(Linear(**entry), images[0])
    expected = (np.clip(images[0].array, low, high) - values.mean()) / values.std()
    np.testing.assert_allclose(result, expected, atol=1e-5)
    assert (a + b + c).median_shape == (6, 8, 7)


def test_what_cannot_be_is_refused():
    with pytest.raises(Quarantine):
        digested(line([1, 2, 3]))
    with pytest.raises(RecipeError, match="equal"):
        FIT.entry(Survey.of(np.full((1, 1, 5), 3, "i2")))
    with pytest.raises(ValueError, match="percentiles"):
        Fingerprint(lower=99, upper=1)
    with pytest.raises(ValueError, match="dtype"):
        Fingerprint(dtype="uint8")
