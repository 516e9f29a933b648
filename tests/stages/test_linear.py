"""Linear: L11, its arithmetic, its inverse, fused and not, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import KindError
from pipeline.grid import Grid
from pipeline.plan import Plan
from pipeline.stages.linear import Linear
from pipeline.stages.resample import Resample
from pipeline.volume import Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

STAGES = st.sampled_from(
    [
        Linear(90, 0.02),
        Linear(90, -0.02, 40, 150),
        Linear(0, 1.5, high=99),
        Linear(80, 0.1, keep_zero=True, dtype="float16"),
    ]
)


@given(volumes(("int16", "uint16", "uint8", "float32", "float16")), STAGES, st.data())
def test_any_cut_gives_the_whole(volume, stage, data):
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.array.dtype == stage.spec(volume.spec).dtype == np.dtype(stage.dtype)
    low, high = (-np.inf if stage.low is None else stage.low), (np.inf if stage.high is None else stage.high)
    expected = (np.clip(volume.array.astype("f8"), low, high) - stage.base) * stage.scale
    if stage.keep_zero:
        expected = np.where(volume.array == 0, 0, expected)
    np.testing.assert_allclose(whole.array, expected, atol=2e-5 if stage.dtype == "float32" else 1e-2)


@given(volumes(("float32",)), st.floats(-200, 200), st.floats(0.01, 10) | st.floats(-10, -0.01))
def test_the_inverse_gives_the_source_back(volume, base, scale):
    for stage in (Linear(base, scale), Linear(base, scale, 0, 255)):
        made = stage(volume, volume.grid, volume.spec)
        back = stage.inverse(made, volume.grid, made.spec)
        np.testing.assert_allclose(back.array, volume.array, atol=2e-4)


@given(volumes(("int16", "float32")))
def test_fused_or_not_the_bits_are_the_same(volume):
    stage = Linear(90, 0.02)
    plan = Plan(volume.spec, (Resample((1.0, 1.1, 0.9)), stage))
    at_once = plan.run(volume.crop_to, plan.target.grid)
    first = Plan(volume.spec, plan.stages[:1]).run(volume.crop_to, plan.target.grid)
    assert at_once.array.tobytes() == stage(first, first.grid, first.spec).array.tobytes()


def test_nan_stays_and_what_is_kept_is_0():
    volume = Volume(np.array([[[np.nan, 0, -0.0, 5]]], "f4"), Grid(np.eye(4), (1, 1, 4)))
    made = Linear(1, 2, keep_zero=True)(volume, volume.grid, volume.spec).array.ravel()
    np.testing.assert_array_equal(made, np.array([np.nan, 0, 0, 8], "f4"))
    assert not np.signbit(made[1:3]).any()


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"scale": 0}, "scale"),
        ({"scale": 1e-50}, "scale"),
        ({"base": float("nan")}, "base"),
        ({"low": 2, "high": 1}, "low <= high"),
        ({"dtype": "int8"}, "dtype"),
    ],
)
def test_refuses(fields, word):
    with pytest.raises(ValueError, match=word):
        Linear(**{"base": 0, "scale": 1} | fields)


def test_refuses_labels():
    volume = Volume(np.ones((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    with pytest.raises(KindError):
        Linear(0, 1)(volume, volume.grid, volume.spec)
