"""What a recipe says of a training: checked when it is read, and an error names the key and the line."""

from dataclasses import replace

import pytest

from pipeline import recipe
from pipeline.draws.warp import Warp
from pipeline.errors import RecipeError
from pipeline.recipe import build, json_schema
from pipeline.training import PENDING, Settings, Training
from pipeline.yaml_text import parse
from tests.learn.made import RECIPE


def read(text: str) -> Training:
    found = build(parse(text, "balls")).train
    assert found is not None
    return found


def test_what_it_says_is_what_is_read():
    training = read(RECIPE)
    assert training.settings == Settings(
        "ct", "balls", 6, learning_rate=0.05, momentum=0.9, validation=0, every=2, swap=((1, 2),)
    )
    assert training.model.weights.files == {"weights.safetensors": PENDING}
    assert isinstance(training.draws[0], Warp)
    assert build(parse(RECIPE.partition("train:")[0], "balls")).train is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("image: ct", "image: cs", "line 7.*kept output 'cs'; known: ct, balls"),
        ("image: ct", "image: balls", "line 7.*labels, not image"),
        ("labels: balls\n  steps", "labels: ct\n  steps", "line 8.*image, not labels"),
        ("steps: 6", "step: 6", "line 9.*did you mean .steps"),
        ("steps: 6", "steps: 0", "steps"),
        ("momentum: 0.9", "momentum: 1.0", "momentum"),
        ("validation: 0", "validation: 1", "validation"),
        ("swap: [[1, 2]]", "swap: [[1, 3]]", "line 14.*no structure"),
        ("swap: [[1, 2]]", "swap: [[1, 1]]", "swap"),
        ("use: warp,", "use: wrap,", "line 16.*'warp'"),
        ("use: warp,", "use: window,", "no draw 'window'"),
        ("use: warp,", "use: warp, spacing: [1, 1, 1],", "line 16.*grid decides"),
        ("licence: CC0-1.0", "weights: {}", "line 24.*training makes"),
        ("name: balls\n    summary", "figures: []\n    summary", "training makes"),
        ("patch: [16, 16, 16]", "patch: [16, 16, 15]", "multiple"),
        ("patch: [16, 16, 16]", "patches: [16, 16, 16]", "'patch'"),
        ("  model:\n", "  mode:\n", "line 18.*did you mean .model"),
        ("  draws:\n    - {use: warp", "  draws:\n    use: {use: warp", "list|YAML"),
    ],
)
def test_refuses(old, new, words):
    assert old in RECIPE
    with pytest.raises(RecipeError, match=words):
        read(RECIPE.replace(old, new, 1))


def test_labels_lie_on_the_grid_of_the_image():
    text = RECIPE.replace(
        "{use: reorient, to: LPS, keep: ct}", "{use: reorient, to: LPS, keep: ct}\n  - {use: pad, margin_mm: [2, 2, 2]}"
    )
    text = text.replace("{use: threshold, from: ct, lower", "{use: threshold, lower")
    with pytest.raises(RecipeError, match="grid of 'image'"):
        read(text)


def test_the_image_is_in_source_units():
    text = RECIPE.replace("keep: ct}", "as: hu}\n  - {use: window, center: 0, width: 100, keep: ct}")
    with pytest.raises(RecipeError, match="source units"):
        read(text.replace("from: ct, lower", "from: hu, lower"))


def test_what_is_random_is_said_under_train():
    text = RECIPE.replace("name: balls\n", "name: balls\naugment: {samples: 2}\n", 1)
    text = text.replace("{use: reorient, to: LPS, keep: ct}", "{use: warp, degrees: [5, 5, 5], keep: ct}")
    with pytest.raises(RecipeError, match="rests on a draw"):
        read(text)


@pytest.mark.parametrize(
    "fields",
    [
        {"batch": 0},
        {"every": 0},
        {"learning_rate": 0.0},
        {"clip": float("nan")},
        {"weight_decay": -1.0},
        {"foreground": 1.5},
        {"seed": -1},
    ],
)
def test_settings_refuse(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        replace(Settings("a", "b", 1), **fields)


def test_the_rate_falls_as_the_polynomial():
    settings = Settings("a", "b", 10, learning_rate=0.5)
    assert settings.rate(0) == 0.5
    assert settings.rate(5) == pytest.approx(0.5 * 0.5**0.9)
    assert 0 < settings.rate(9) < 0.1


def test_the_schema_knows_the_block_and_defines_what_it_refers_to():
    schema = json_schema()
    train = schema["properties"]["train"]
    assert set(train["properties"]) == {*Settings.__dataclass_fields__, "model", "draws"}
    assert not {"weights", "figures"} & set(train["properties"]["model"]["properties"])
    refs = {part.split('"')[0] for part in str(schema).replace("'", '"').split("#/$defs/")[1:]}
    assert {"Structure", "Topology", "Lattice"} <= refs & set(schema["$defs"])


def test_packaged_recipes_that_train():
    train = recipe.load("ct-lungs-train").train
    assert train is not None
    assert [s.name for s in train.model.structures] == ["right lung", "left lung"]
    assert train.settings.swap == ((1, 2),)
