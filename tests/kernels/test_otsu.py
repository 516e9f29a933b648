"""Otsu's threshold against scikit-image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from pipeline.kernels.otsu import threshold


@given(st.integers(0, 2**32), st.integers(2, 300), st.floats(0.05, 0.95))
def test_parts_a_histogram_as_scikit_image_does(seed, bins, share):
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(5000) < share, rng.normal(100, 20, 5000), rng.normal(300, 30, 5000)).astype("f4")
    found = threshold(x, bins)

    def between(at):
        low, high = x[x <= at], x[x > at]
        return len(low) * len(high) * (low.mean(dtype="f8") - high.mean(dtype="f8")) ** 2

    assert between(found) >= 0.999 * between(threshold_otsu(x, bins) + np.ptp(x) / bins / 2)


def test_a_constant_has_nothing_above():
    assert threshold(np.full((2, 3), 7.0, "f4")) == 7.0


def test_two_values_are_parted():
    x = np.float32([0, 0, 0, 10])
    assert ((x > threshold(x)) == [False, False, False, True]).all()
    assert threshold(np.float32([1, 2]), 2) == pytest.approx(1.5)
