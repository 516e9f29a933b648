"""The methods paragraph says every parameter and nothing that was counted."""

import pipeline
from pipeline import recipe
from pipeline.report.methods import methods


def test_every_stage_and_parameter_is_said():
    text = methods(recipe.load("ct-body"))
    assert pipeline.__version__ in text
    assert "modality = 'CT'" in text
    assert "- `ct`: resample (version 1, spacing = (1.0, 1.0, 1.0), order = 1, antialias = False" in text
    assert "- `image`: resample" in text
    assert "window (version 1, center = 40.0, width = 400.0, dtype = float16)" in text
    assert "closing_mm = 2.0, largest = True" in text


def test_the_raw_recipe_has_no_outputs():
    assert "outputs" not in methods(recipe.load("raw"))
