"""A profile's text: what is wrong is named with its line, and the nearest word that is right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RecipeError
from pipeline.vendors.profile import MATCHED, Ingest, Profile, json_schema, read
from pipeline.volume import Facts
from pipeline.yaml_text import parse

GOOD = """\
name: our-ge
version: 3
match: {modality: CT, manufacturer: [GE, Canon]}
ingest: {padding: [-2000], soft_kernels: ["B[1-4]?f"], sharp_kernels: [B70f]}
defaults:
  n4: {spline_mm: 50, levels: 2}
  resample: {spacing: [1, 1, 1]}
sources: ["padding: somewhere"]
"""


def profile(text: str, packaged: bool = True) -> Profile:
    return read(parse(text, "our-ge.yaml"), packaged)


def test_a_profile_is_what_its_text_says() -> None:
    made = profile(GOOD)
    assert made.label == "our-ge 3"
    assert made.match == (("modality", ("CT",)), ("manufacturer", ("GE", "Canon")))
    assert made.ingest == Ingest((-2000,), ("B[1-4]?f",), ("B70f",))
    assert made.defaults == (
        ("n4", (("spline_mm", 50.0), ("levels", 2))),
        ("resample", (("spacing", (1.0, 1.0, 1.0)),)),
    )
    assert made.sources == ("padding: somewhere",)


def test_most_of_it_can_be_left_out() -> None:
    made = profile("name: a\nversion: 1\nmatch: {modality: CT}\n")
    assert (made.ingest, made.defaults, made.sources) == (Ingest(), (), ())


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("version: 3", "verson: 3", 2, "no key of a vendor profile 'verson'; did you mean 'version'?"),
        ("version: 3", "version: 0", 2, "at least 1"),
        ("version: 3", "version: true", 2, "whole number"),
        ("name: our-ge", "name: Our GE", 1, "lower-case"),
        ("manufacturer:", "manufacturr:", 3, "no fact of a volume 'manufacturr'; did you mean 'manufacturer'?"),
        ("[GE, Canon]", "Simens", 3, "no term of 'manufacturer' 'Simens'; did you mean 'Siemens'?"),
        ("{modality: CT, manufacturer: [GE, Canon]}", "{}", 3, "at least one fact"),
        ("padding:", "paddin:", 4, "did you mean 'padding'?"),
        ("[-2000]", "[-2000.5]", 4, "padding"),
        ("  resample:", "  resampl:", 7, "no stage 'resampl'; did you mean 'resample'?"),
        ("levels:", "level:", 6, "no parameter of 'n4' 'level'; did you mean 'levels'?"),
        ("spline_mm: 50", 'spline_mm: "50"', 6, "'spline_mm' of 'n4'"),
        ("levels: 2", "within: brain", 6, "branch point"),
        ("spacing: [1, 1, 1]", "spacing: [1, 1]", 7, "'spacing' of 'resample'"),
        ('["padding: somewhere"]', "[1]", 8, "list of texts"),
    ],
)
def test_an_error_names_the_line_and_the_nearest_word(old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    with pytest.raises(RecipeError) as error:
        profile(GOOD.replace(old, new))
    assert f"our-ge.yaml, line {line}: " in str(error.value)
    assert words in str(error.value)


def test_what_is_converted_once_and_for_all_is_not_the_users_to_say() -> None:
    with pytest.raises(RecipeError, match=r"line 4: 'ingest' belongs to the profiles that come with the program"):
        profile(GOOD, packaged=False)


def test_a_kernel_is_soft_or_sharp_or_nobody_says() -> None:
    kernels = Ingest(soft_kernels=("B[1-4]?f", "SOFT"), sharp_kernels=("B[5-9]?f",))
    said = [kernels.kernel_class(kernel) for kernel in ("B30f", "SOFT", "B70f", "B30s", "soft", None)]
    assert said == ["soft", "soft", "sharp", None, None, None]


facts = st.fixed_dictionaries({key: st.none() | st.sampled_from(sorted(terms)) for key, terms in MATCHED.items()})


@given(facts, st.data())
def test_a_profile_matches_where_every_fact_is_one_of_its_terms(told: dict[str, Any], data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.sampled_from(sorted(MATCHED)), min_size=1, unique=True))
    match = []
    for key in keys:
        near = sorted(MATCHED[key])[:3] + [told[key]] * (told[key] is not None)
        match.append((key, tuple(data.draw(st.lists(st.sampled_from(near), min_size=1)))))
    expected = all(told[key] is not None and told[key] in values for key, values in match)
    assert Profile("a", 1, tuple(match)).matches(Facts(**told)) == expected


def test_the_schema_knows_what_the_reader_knows() -> None:
    schema = json_schema()
    json.dumps(schema)
    assert set(schema["properties"]) == {"name", "version", "match", "ingest", "defaults", "sources"}
    assert set(schema["properties"]["match"]["properties"]) == set(MATCHED)
    assert set(schema["properties"]["ingest"]["properties"]) == set(Ingest.__dataclass_fields__)
    assert "spline_mm" in schema["properties"]["defaults"]["properties"]["n4"]["properties"]
    assert "within" not in schema["properties"]["defaults"]["properties"]["n4"]["properties"]
