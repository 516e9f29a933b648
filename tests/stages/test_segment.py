"""The stage that labels by a network: what it refuses, what it says, any cut the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ModelError, Quarantine, RecipeError
from pipeline.grid import Grid
from pipeline.plan import Plan, described
from pipeline.reasons import Reason
from pipeline.recipe import build
from pipeline.stages.morphology import Morphology
from pipeline.stages.resample import Resample
from pipeline.stages.segment import Segment
from pipeline.stages.window import Window
from pipeline.volume import Facts, Spec
from pipeline.yaml_text import parse
from tests.models.makers import written
from tests.stages.cuts import check_any_cut_gives_the_whole, volumes

CT = Facts(modality="CT", units="HU")
TINY = Segment("tiny")
SPEC = Spec(Grid(np.eye(4), (8, 8, 8)), "image", np.dtype("i2"))


def after(entry):
    """A recipe that segments what an entry makes."""
    return build(parse(f"name: x\nstages:\n  - {entry}\n  - {{use: segment, model: tiny, keep: a}}", "test"))


@settings(max_examples=15)
@given(volumes(), st.sampled_from([TINY, Segment("tiny", overlap=0.0), Segment("tiny", mirror=True)]), st.data())
def test_any_cut_gives_the_whole(volume, stage, data):
    whole = check_any_cut_gives_the_whole(stage, volume, data)
    assert whole.grid == volume.grid
    assert whole.array.dtype == np.uint8


def test_it_names_the_model_that_it_will_be_and_what_its_labels_mean():
    resolved = TINY.resolve(CT)
    assert resolved.overlap == 0.5
    assert len(resolved.sha256) == 64
    assert described(resolved)["sha256"] == resolved.sha256
    assert [s.name for s in resolved.structures] == ["one", "two"]


def test_another_model_of_that_name_is_not_taken():
    with pytest.raises(ModelError, match="SHA-256 differs"):
        Segment("tiny", sha256="0" * 64).resolve(CT)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (Facts(modality="MR"), Reason.MODEL_MODALITY),
        (Facts(modality=None, units="HU"), Reason.MODEL_MODALITY),
        (Facts(modality="CT", units="1"), Reason.MODEL_UNITS),
    ],
)
def test_a_volume_that_it_was_not_made_for_is_refused(facts, reason):
    with pytest.raises(Quarantine) as refused:
        TINY.resolve(facts)
    assert refused.value.reason is reason


def test_normalised_voxels_are_an_error_of_the_recipe():
    with pytest.raises(RecipeError, match=r"'segment' looks at source units, not at what 'window' makes"):
        after("{use: window, center: 0, width: 9}")
    with pytest.raises(RecipeError, match="'zscore'"):
        after("{use: zscore}")
    after("{use: resample, spacing: [2, 2, 2]}")


def test_mirrorings_that_a_model_was_not_trained_on_are_an_error_of_the_recipe_with_its_line(tmp_path, monkeypatch):
    written(tmp_path, name="upright")
    monkeypatch.setenv("SCANMILL_MODELS", str(tmp_path))
    with pytest.raises(RecipeError, match="line 3: the model 'upright' knows no mirrored volumes"):
        build(parse("name: x\nstages:\n  - {use: segment, model: upright, mirror: true, keep: a}", "test"))


def test_a_model_that_is_not_there_is_an_error_of_the_recipe_with_its_line():
    with pytest.raises(RecipeError, match=r"line 3: no model 'tony'; did you mean 'tiny'\?"):
        build(parse("name: x\nstages:\n  - {use: segment, model: tony, keep: a}", "test"))


def test_structures_stay_what_they_are_while_labels_are_moved_and_no_longer():
    source = Plan(SPEC, (TINY,))
    assert [s.name for s in source.structures] == ["one", "two"]
    moved = Plan(SPEC, (TINY, Resample((2.0, 2.0, 2.0))))
    assert moved.structures == source.structures
    assert Plan(SPEC, (Window(0, 100),)).structures == ()
    assert Plan(SPEC, (TINY, Morphology("dilate", 2.0))).structures == ()
