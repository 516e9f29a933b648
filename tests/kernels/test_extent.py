"""Where labels lie: index arithmetic on the whole array as oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kernels.extent import extents


@given(
    st.tuples(*[st.integers(0, 8)] * 3),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from(["u1", "u2"]),
    st.integers(0, 99),
)
def test_equals_index_arithmetic(shape, labels, runs, dtype, seed):
    x = np.random.default_rng(seed).integers(0, labels, shape).astype(dtype) * (50 if dtype == "u1" else 12000)
    if runs and x.size:
        x = np.repeat(x, 3, axis=2)
    found, table = extents(x)
    assert found.tolist() == [v for v in np.unique(x).tolist() if v]
    for label, row in zip(found, table, strict=True):
        at = np.argwhere(x == label)
        assert row.tolist() == [len(at), *at.sum(0), *at.min(0), *(at.max(0) + 1)]


@pytest.mark.parametrize("dtype", ["i2", "f4", "?"])
def test_refuses_what_are_no_labels(dtype):
    with pytest.raises(TypeError, match="labels are"):
        extents(np.zeros((1, 1, 1), dtype))
