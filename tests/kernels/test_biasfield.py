"""Division by a field: float64 as oracle, the whole-array form to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import biasfield, lattice


def field(shape, seed, flip=1.0):
    spans = [1 + n % 3 for n in shape]
    tables = [
        lattice.rows(flip * m / max(n - 1, 1), 0.3 if flip > 0 else m, (0, n), m)
        for n, m in zip(shape, spans, strict=True)
    ]
    return np.random.default_rng(seed).normal(0, 0.4, tuple(m + 3 for m in spans)), tables


@settings(max_examples=40)
@given(
    st.sampled_from(["i2", "u2", "u1", "f4", "f2"]),
    st.tuples(*[st.integers(0, 9)] * 3),
    st.sampled_from([1.0, -1.0]),
    st.integers(0, 2**32),
)
def test_equals_float64_and_both_forms_are_the_same_bits(dtype, shape, flip, seed):
    control, tables = field(shape, seed, flip)
    x = np.random.default_rng(seed).uniform(0, 200, shape).astype(dtype)
    before = x.copy()
    made = biasfield.divide(x, control, tables)
    assert made.dtype == x.dtype
    assert before.tobytes() == x.tobytes()
    exact = x / np.exp(lattice.evaluate(control, tables))
    if dtype[0] == "f":
        np.testing.assert_allclose(made, exact, rtol=1e-6 if dtype == "f4" else 1e-3)
    else:
        assert np.abs(made - exact.clip(0, np.iinfo(dtype).max)).max(initial=0) <= 0.5 + 1e-4 * 200
    if x.size:
        wide = x.astype("f4") if dtype == "f2" else x
        assert biasfield.plain(wide, control, tables).astype(dtype).tobytes() == made.tobytes()


def test_a_crop_of_an_array_is_written_where_it_is_told():
    control, tables = field((6, 7, 8), 0)
    x = np.random.default_rng(0).uniform(0, 200, (9, 9, 9)).astype("f4")[2:8, 1:8, 1:9]
    out = np.zeros((9, 9, 9), "f4")
    assert biasfield.divide(x, control, tables, out[1:7, 1:8, :8]).base is out
    assert out[1:7, 1:8, :8].tobytes() == biasfield.divide(x.copy(), control, tables).tobytes()
    assert np.count_nonzero(out) == 6 * 7 * 8


def test_other_types_and_other_places_are_refused():
    control, tables = field((2, 2, 2), 0)
    with pytest.raises(TypeError):
        biasfield.divide(np.zeros((2, 2, 2), "f8"), control, tables)
    x = np.zeros((2, 2, 2), "f4")
    with pytest.raises(ValueError, match="memory"):
        biasfield.divide(x, control, tables, x)
