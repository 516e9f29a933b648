"""YAML that is no plain values ends in an error that names the line, whatever it is."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ModelError
from pipeline.yaml_text import MOST, parse

LEAVES = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=["L"]), min_size=1)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abcd"), inner))


@settings(max_examples=50)
@given(TREES)
def test_plain_values_are_read_as_they_are(tree: object) -> None:
    assert parse(json.dumps({"a": tree}), "here").root == {"a": tree}


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [true]",
        "a: !!python/name:os.system",
        "a: !thing 1",
        "a: &x 1\nb: *x",
        "a: !!int abc",
        "a: !!bool perhaps",
        "a: !!float x",
        "a: " + "9" * 5000,
        "a: " + "[" * 500 + "]" * 500,
        "a: " + "{a: " * 500 + "}" * 500,
        "a: 1\na: 2",
        "a: \x00",
        "a: [",
        "a: 1" + " " * MOST,
    ],
)
def test_what_is_no_plain_value_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"^here"):
        parse(text, "here", ModelError)
