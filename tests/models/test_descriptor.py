"""What a descriptor cannot be is refused when it is read, with the key and the line, not at the first volume."""

from __future__ import annotations

import pytest

from pipeline.errors import ModelError
from pipeline.models.descriptor import read
from pipeline.models.descriptor_text import text
from tests.models.makers import named

GOOD = text(named(b"weights"))


def changed(old: str, new: str) -> str:
    made = GOOD.replace(old, new, 1)
    assert made != GOOD
    return made


def refused(yaml: str) -> str:
    with pytest.raises(ModelError) as error:
        read(yaml, "tiny/model.yaml")
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("batch: 1", "batch: 1\nair: .nan", "air must be finite"),
        ("batch: 1", "batch: 1\nmemory_mb: -5", "memory_mb must be at least 1"),
        ("mirror: []", "mirror: [0, 0]", "mirror must name each axis once"),
        ("modalities: [CT]", "modalities: []", "modalities must be at least one"),
        ("keep: []", "keep: [{value: 1, min_mm3: .nan}]", "min_mm3 must be a finite number"),
        ("keep: []", "keep: [{value: 1, min_mm3: -1}]", "min_mm3 must be a finite number"),
        ("keep: []", "keep: [{value: 7}]", "keep speaks of values that are no structure"),
        ("grid: {", "grid: {anisotropy: .nan, ", "anisotropy must be at least 1"),
        ("method: windows", "method: located", "located has two networks"),
    ],
)
def test_numbers_that_would_say_something_else_in_silence_are_refused(old: str, new: str, words: str) -> None:
    assert words in refused(changed(old, new))


def test_a_key_that_is_wrong_further_in_is_named_with_its_line() -> None:
    line = next(n for n, text in enumerate(GOOD.splitlines(), 1) if "widths" in text)
    said = refused(changed("widths", "width"))
    assert said == f"tiny/model.yaml, line {line}: 'network.width' of 'model': there is no such parameter"
    assert "'network.widths' of 'model': Field required" in refused(changed("  widths: [4, 8]\n", ""))
    assert "'intensity.sd' of 'model'" in refused(changed("sd: 100", "sd: much"))
    assert "line 6: 'structures.valeu' of 'model'" in refused(changed("value: 1", "valeu: 1"))
