"""Survey: NumPy over all volumes together as oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.grid import Grid
from pipeline.tally.survey import FIRST, LAST, Survey

DTYPES = st.sampled_from(["int16", "uint16", "uint8", "float32", "float16"])


def image(dtype, rng):
    low, high = 0 if dtype[0] == "u" else -1100, 250 if dtype == "uint8" else 3000
    return rng.uniform(low, high, (3, 4, 5)).astype(dtype)


@given(st.lists(DTYPES, min_size=1, max_size=4), st.integers(0, 99))
def test_equals_numpy_over_all_volumes(dtypes, seed):
    rng = np.random.default_rng(seed)
    images = [image(dtype, rng) for dtype in dtypes]
    inside = [rng.random((3, 4, 5)) < 0.5 for _ in images]
    surveys = [Survey.of(x, m) for x, m in zip(images, inside, strict=True)]
    total, back = sum(surveys[1:], surveys[0]), sum(surveys[-2::-1], surveys[-1])
    values = np.concatenate([np.rint(x.astype("f8"))[m] for x, m in zip(images, inside, strict=True)])
    assert np.array_equal(total.counts, back.counts)
    assert total.n == values.size
    assert total.mean == pytest.approx(values.mean(), rel=1e-12)
    assert total.sd == pytest.approx(values.std(), rel=1e-9)
    for q in (0, 0.5, 37, 50, 99.5, 100):
        assert total.percentile(q) == pytest.approx(np.percentile(values, q), rel=1e-12)


def test_what_is_beyond_counts_as_the_last_unit_and_what_is_no_number_does_not():
    total = Survey.of(np.array([np.nan, np.inf, 1e9, -1e9, 2.5], "f4"))
    assert (total.n, total.percentile(0), total.percentile(50), total.percentile(100)) == (3, FIRST, 2, 32767)
    assert Survey.of(np.array([65535], "u2")).percentile(50) == LAST


def test_volumes_lie_as_they_lie_in_any_order():
    grids = [Grid(np.diag([s, 1.0, 1.0, 1.0]), (n, 4, 4)) for s, n in [(5, 9), (1, 90), (2, 40)]]
    lying = [Survey.of(np.ones((1, 1, 1), "i2")).on(grid) for grid in grids]
    for a, b, c in [(0, 1, 2), (2, 0, 1)]:
        total = lying[a] + lying[b] + lying[c]
        assert (total.median_spacing, total.median_shape) == ((2, 1, 1), (40, 4, 4))


def test_nothing():
    none = Survey.of(np.zeros((0, 1, 1), "i2"))
    assert (none.n, none.mean, none.sd, none.percentile(5), none.median_spacing) == (0, None, None, None, ())
