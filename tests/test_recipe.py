"""Recipes: the tree, and errors that name key, line and nearest name."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline import recipe
from pipeline.errors import RecipeError
from pipeline.grid import Grid
from pipeline.stages.resample import Resample
from pipeline.stages.threshold import Threshold
from pipeline.stages.window import Window
from pipeline.volume import Facts, Spec
from pipeline.yaml_text import parse

GOOD = """\
name: test
where: "modality = 'CT'"
stages:
  - {use: resample, spacing: [1, 1, 1], keep: ct}
  - {use: window, center: 40, width: 400, keep: image}
  - {use: threshold, from: ct, lower: -500, keep: body}
"""
SPEC = Spec(Grid(np.diag([2.0, 1.0, 1.0, 1.0]), (4, 5, 6)), "image", np.dtype("i2"))


def build(text):
    return recipe.build(parse(text, "r.yaml"))


def test_kept_names_become_linear_plans():
    loaded = build(GOOD)
    assert loaded.where == "modality = 'CT'"
    plans = loaded.compile(SPEC, Facts(modality="CT"), "v")
    kinds = {name: [type(s) for s in plan.stages] for name, plan in plans.items()}
    assert kinds == {"ct": [Resample], "image": [Resample, Window], "body": [Resample, Threshold]}
    assert plans["body"].target.kind == "labels"
    assert plans["ct"].stages[0].spacing == (1.0, 1.0, 1.0)


def test_as_names_a_branch_point_that_is_not_published():
    text = GOOD.replace("keep: ct", "as: ct")
    assert [name for name, _ in build(text).chains] == ["image", "body"]


def test_an_entry_without_from_goes_on_from_the_one_above():
    chain = dict(build(GOOD.replace("from: ct, lower", "lower")).chains)["body"]
    assert [type(s) for s in chain] == [Resample, Window, Threshold]


def test_from_raw_starts_anew():
    text = GOOD.replace("from: ct, lower", "from: raw, lower")
    assert [type(s) for s in dict(build(text).chains)["body"]] == [Threshold]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("center: 40", "centre: 40", ["line 5", "'centre'", "did you mean 'center'"]),
        ("use: window", "use: windw", ["line 5", "'windw'", "did you mean 'window'"]),
        ("from: ct", "from: imag", ["line 6", "'imag'", "did you mean 'image'"]),
        ("where:", "were:", ["line 2", "'were'", "did you mean 'where'"]),
        ("width: 400", "width: -1", ["line 5", "width"]),
        ("width: 400", 'width: "wide"', ["line 5", "'width' of 'window'"]),
        (", width: 400", "", ["line 5", "'window'", "center and width go together"]),
        ("spacing: [1, 1, 1]", "spacing: [1, 1]", ["line 4", "'spacing'"]),
        ("spacing: [1, 1, 1]", "spacing: [1, 0, 1]", ["line 4", "spacing"]),
        ("keep: image", "keep: ct", ["line 5", "'ct' names two outputs"]),
        ("keep: image", "keep: ../up", ["line 5", "'keep' must be"]),
        ("keep: image", "keep: labels", ["line 5", "'labels' is a folder of OME-Zarr"]),
        ("name: test", "name: raw", ["line 1", "'raw' is the volume as acquired"]),
        (", keep: body", "", ["line 6", "nothing is kept"]),
        ("name: test", "name: Test Me", ["line 1", "'name'"]),
        ("  - {use: window", "  - window\n  - {use: window", ["line 5", "keys and values"]),
        ("name: test", "name: test\nname: again", ["line 2", "stands twice"]),
        ("name: test", "name: test\n  bad: [", ["not YAML"]),
        ("where: \"modality = 'CT'\"", "where: 3", ["line 2", "SQL"]),
        ("where: \"modality = 'CT'\"", "where: !!python/object/apply:os.system ['true']", ["line 2", "tags"]),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old, new, words):
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(RecipeError) as caught:
        build(text)
    assert all(word in str(caught.value) for word in ["r.yaml", *words]), str(caught.value)


def test_an_intensity_stage_on_labels_is_refused_when_the_recipe_is_read():
    text = GOOD + "  - {use: window, from: body, center: 1, width: 2, keep: nonsense}\n"
    with pytest.raises(RecipeError, match=r"line 7: 'window' does not take labels"):
        build(text)


def test_aliases_are_refused():
    with pytest.raises(RecipeError, match="aliases"):
        parse("a: &x [1]\nb: *x\n", "r.yaml")


def test_packaged_recipes_load():
    assert {"raw", "ct-body"} <= set(recipe.packaged())
    for name in recipe.packaged():
        assert recipe.load(name).name == name


def test_a_recipe_that_is_not_there_is_said_so(tmp_path: Path):
    with pytest.raises(RecipeError, match="ct-body"):
        recipe.load(tmp_path / "none.yaml")


def test_the_json_schema_knows_every_stage():
    schema = recipe.json_schema()
    titles = {entry["title"] for entry in schema["properties"]["stages"]["items"]["oneOf"]}
    assert {"Resample", "Window", "Threshold", "Voi"} <= titles
    json.dumps(schema)


MASKED = """\
name: test
stages:
  - {use: threshold, lower: 0, as: body}
  - {use: zscore, from: raw, within: body, keep: image}
"""
DRAWN = "name: test\naugment: {samples: 3, seed: 5}\nstages:\n  - {use: random_blur, sigma_mm: [1, 2], keep: image}\n"


def test_what_a_fit_looks_within_need_not_be_kept():
    (plan,) = build(MASKED).compile(SPEC, Facts(), "v").values()
    assert [(name, type(chain[0])) for name, chain in plan.masks] == [("body", Threshold)]
    with pytest.raises(RecipeError, match=r"line 4: no branch point 'bodi'; did you mean 'body'"):
        build(MASKED.replace("within: body", "within: bodi"))
    with pytest.raises(RecipeError, match=r"line 4: 'raw' is no label map"):
        build(MASKED.replace("within: body", "within: raw"))
    with pytest.raises(RecipeError, match=r"line 3: nothing is kept"):
        build(MASKED.replace(", within: body", ""))


def test_what_rests_on_a_draw_is_there_once_a_sample_and_all_else_once():
    loaded = build(DRAWN + "  - {use: clip, from: raw, lower: 0, keep: still}\n")
    plans = loaded.compile(SPEC, Facts(), "v")
    assert list(plans) == ["image/s000", "image/s001", "image/s002", "still"]
    assert len({plan.stages for plan in plans.values()}) == 4
    assert [sorted(batch) for batch in recipe.batches(plans)] == [["still"], *([name] for name in list(plans)[:3])]
    assert plans == loaded.compile(SPEC, Facts(), "v")
    assert plans["image/s000"] != loaded.compile(SPEC, Facts(), "w")["image/s000"]


def test_draws_and_samples_go_together():
    with pytest.raises(RecipeError, match=r"line 3: 'random_blur' is random: say 'augment"):
        build(DRAWN.replace("augment: {samples: 3, seed: 5}\n", ""))
    with pytest.raises(RecipeError, match=r"line 2: 'augment' makes samples"):
        build(DRAWN.replace("random_blur, sigma_mm: [1, 2]", "blur, sigma_mm: [1, 1, 1]"))
    with pytest.raises(RecipeError, match=r"line 2: 'samples' of 'augment'"):
        build(DRAWN.replace("samples: 3", "samples: many"))
    with pytest.raises(RecipeError, match=r"line 2: no parameter of 'augment' 'sample'"):
        build(DRAWN.replace("samples: 3", "sample: 3"))
