"""Uptake values: one factor, resolved by the facts or refused with their reason."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import KindError, Quarantine, RecipeError
from pipeline.grid import Grid
from pipeline.reasons import Reason
from pipeline.stages.suv import Suv
from pipeline.volume import Facts, Volume
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes


@settings(max_examples=30)
@given(volumes(), st.floats(1e-6, 10), st.sampled_from(["float16", "float32"]), st.data())
def test_any_cut_gives_the_whole(volume, factor, dtype, data):
    made = check_any_cut_gives_the_whole(Suv(factor, dtype), volume, data)
    expected = volume.array.astype("f8") * factor
    np.testing.assert_allclose(made.array, expected, rtol=2e-3 if dtype == "float16" else 2e-7, atol=1e-7)


def test_values_below_0_stay():
    volume = Volume(np.float32([[[-4.0, 0.0, 8.0]]]), Grid(np.eye(4), (1, 1, 3)))
    assert Suv(0.5)(volume, volume.grid, volume.spec).array.tolist() == [[[-2.0, 0.0, 4.0]]]


def test_the_facts_of_the_volume_give_the_factor():
    assert Suv().resolve(Facts(suv_factor=0.25)) == Suv(0.25)
    assert Suv(2.0).resolve(Facts(suv_refusal="SUV_TIMES")) == Suv(2.0)


def test_why_there_is_none_is_the_reason():
    with pytest.raises(Quarantine) as refused:
        Suv().resolve(Facts(suv_refusal="SUV_TIMES"))
    assert refused.value.reason is Reason.SUV_TIMES


def test_unresolved_it_does_not_run():
    volume = Volume(np.zeros((1, 1, 1), "f4"), Grid(np.eye(4), (1, 1, 1)))
    with pytest.raises(RecipeError, match="no factor"):
        Suv().resolve(Facts())(volume, volume.grid, volume.spec)


def test_labels_have_no_uptake():
    labels = Volume(np.zeros((1, 1, 1), "u1"), Grid(np.eye(4), (1, 1, 1)), "labels")
    with pytest.raises(KindError):
        Suv(1.0)(labels, labels.grid, labels.spec)


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"factor": 0.0}, "factor"), ({"factor": float("nan")}, "factor"), ({"dtype": "uint8"}, "dtype")],
)
def test_fields_are_named(fields, word):
    with pytest.raises(ValueError, match=word):
        Suv(**fields)
