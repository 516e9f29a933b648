"""Cubic B-splines on a lattice: SciPy's as oracle, and the laws of refinement and approximation."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from pipeline.kernels import lattice

shapes = st.tuples(*[st.integers(2, 9)] * 3)
spans = st.tuples(*[st.integers(1, 4)] * 3)


def tables(shape, spans):
    return [lattice.rows(m / (n - 1), 0.0, (0, n), m) for n, m in zip(shape, spans, strict=True)]


def random(spans, seed=0):
    return np.random.default_rng(seed).normal(0, 1, tuple(m + 3 for m in spans))


@given(st.integers(1, 9), st.floats(0.01, 3), st.floats(-4, 4))
def test_rows_are_scipys_uniform_cubic_b_spline_clamped_to_the_knots(spans, step, offset):
    table = lattice.rows(step, offset, (-3, 20), spans)
    u = np.clip(np.arange(-3, 20) * step + offset, 0, spans)
    points = np.random.default_rng(0).normal(0, 1, spans + 3)
    spline = BSpline(np.arange(-3, spans + 4), points, 3)
    np.testing.assert_allclose((table.weights * points[table.index]).sum(1), spline(u), atol=1e-7)


def test_a_row_is_a_function_of_its_index_alone():
    whole, part = lattice.rows(0.17, -0.4, (-5, 30), 4), lattice.rows(0.17, -0.4, (7, 11), 4)
    assert whole.weights[12:16].tobytes() == part.weights.tobytes()
    assert whole.index[12:16].tobytes() == part.index.tobytes()


@settings(max_examples=25)
@given(shapes, spans, st.integers(0, 2**32))
def test_evaluation_is_the_sum_over_all_taps(shape, spans, seed):
    control, lines = random(spans, seed), tables(shape, spans)
    dense = [np.zeros((len(t.weights), n)) for t, n in zip(lines, control.shape, strict=True)]
    for matrix, table in zip(dense, lines, strict=True):
        np.put_along_axis(matrix, table.index, table.weights, 1)
    expected = np.einsum("abc,ka,jb,ic->kji", control, *dense)
    made = lattice.evaluate(control, lines)
    np.testing.assert_allclose(made, expected, atol=1e-12)
    steps = control
    for axis in range(3):
        steps = lattice.along(steps, lines[axis], axis)
    assert steps.tobytes() == made.tobytes()
    values = np.random.default_rng(seed).normal(0, 1, shape)
    for power in (1, 2, 3):
        transposed = np.einsum("kji,ka,jb,ic->abc", values, *(m**power for m in dense))
        np.testing.assert_allclose(lattice.spread(values, lines, control.shape, power), transposed, atol=1e-12)


@settings(max_examples=25)
@given(shapes, spans, st.integers(0, 2**32))
def test_refining_changes_no_value(shape, spans, seed):
    control = random(spans, seed)
    fine = lattice.refine(control)
    assert fine.shape == tuple(2 * m + 3 for m in spans)
    twice = [2 * m for m in spans]
    np.testing.assert_allclose(
        lattice.evaluate(fine, tables(shape, twice)), lattice.evaluate(control, tables(shape, spans)), atol=1e-7
    )


def test_a_constant_is_approximated_exactly_wherever_anything_is_known():
    mask = np.zeros((9, 9, 9), "u1")
    mask[2:7, 1:8, 3:5] = 1
    lines = tables(mask.shape, (2, 2, 2))
    control = lattice.approximate(np.full(mask.shape, 1.5), mask, lines, (5, 5, 5))
    reached = lattice.spread(mask.astype("f8"), lines, (5, 5, 5), 2) > 0
    assert set(control[~reached]) == {0.0}
    assert 0 < control[reached].max() <= 5.0


def test_approximations_converge_to_a_spline():
    lines = tables((12, 12, 12), (2, 2, 2))
    wanted = lattice.evaluate(random((2, 2, 2)), lines)
    mask, control = np.ones(wanted.shape, "u1"), np.zeros((5, 5, 5))
    errors = []
    for _ in range(60):
        left = wanted - lattice.evaluate(control, lines)
        errors.append(np.abs(left).max())
        control += lattice.approximate(left, mask, lines, control.shape)
    assert errors[-1] < 0.1 * errors[0]
