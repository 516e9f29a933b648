"""YAML as plain values, with the line of every key: an error names its line and the nearest right word."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import PipelineError, RecipeError

MOST = 64 * 1024
"""Characters of a recipe or a descriptor; a longer text is none."""

_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}

Place = tuple[str | int, ...]
"""Where in the tree: keys and list positions from the root."""


@dataclass(frozen=True)
class Text:
    """A parsed text: plain values, the line (from 1) on which each place begins, and what its errors are."""

    origin: str
    root: Any
    lines: dict[Place, int]
    wrong: type[PipelineError] = RecipeError

    def error(self, message: str, place: Place) -> PipelineError:
        """An error that says where: the nearest place with a known line."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.wrong(f"{self.origin}, line {self.lines.get(place, 1)}: {message}")

    def mapping(self, value: Any, place: Place) -> dict[str, Any]:
        """A copy of ``value``, which must be keys and values."""
        if not isinstance(value, dict):
            raise self.error("keys and values are expected here", place)
        return dict(value)

    def known(self, name: Any, names: tuple[str, ...], what: str, place: Place) -> str:
        """``name``, which must be one of ``names``; else an error with the nearest."""
        if not isinstance(name, str) or name not in names:
            raise self.error(f"no {what} {name!r}{nearest(str(name), names)}", place)
        return name

    def made(self, fields: dict[str, Any], name: str, kind: Any, at: Place) -> Any:
        """A frozen dataclass from the keys of an entry; an error names the key and the line."""
        for key in fields:
            self.known(key, tuple(kind.__dataclass_fields__), f"parameter of {name!r}", (*at, key))
        try:
            # From JSON, strictly: a list is a tuple, 1 is 1.0, but "1" is not a number.
            return adapter(kind).validate_json(json.dumps(fields), strict=True)
        except ValidationError as error:
            # A key that is not known says more than the one that is missing in its stead.
            first = min(error.errors(), key=lambda one: one["type"] == "missing")
            place = at
            for part in first["loc"]:  # pydantic puts kinds of values between keys
                place = (*place, part) if (*place, part) in self.lines else place
            keys = [part for part in place[len(at) :] if isinstance(part, str)]
            keys += [part for part in first["loc"][-1:] if first["type"] == "missing" and isinstance(part, str)]
            what = f"{'.'.join(keys)!r} of {name!r}" if keys else f"{name!r}"
            unknown = first["type"] == "unexpected_keyword_argument"
            message = "there is no such parameter" if unknown else first["msg"].removeprefix("Value error, ")
            raise self.error(f"{what}: {message}", place) from None


def nearest(name: str, names: tuple[str, ...]) -> str:
    """``; did you mean 'window'?``, or the list of names where none is near.

    >>> nearest("windw", ("window", "voi"))
    "; did you mean 'window'?"
    """
    hint = get_close_matches(name, names, 1)
    return f"; did you mean {hint[0]!r}?" if hint else f"; known: {', '.join(names) or 'none'}"


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What turns plain values into a frozen dataclass, or says which of them cannot be."""
    return TypeAdapter(kind)


def parse(text: str, origin: str, wrong: type[PipelineError] = RecipeError) -> Text:
    """Values and lines of a YAML text.  Raises ``wrong`` for what is not plain YAML.

    Aliases, tags and keys that stand twice are refused: none is needed, and each can hide something.
    """
    if len(text) > MOST:
        raise wrong(f"{origin}: longer than {MOST} characters")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise wrong(f"{origin}: aliases (*name) are not allowed")
        lines: dict[Place, int] = {}
        root = None if node is None else _value(node, (), lines, origin, wrong)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise wrong(f"{origin}, line {line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise wrong(f"{origin}: not YAML: {type(error).__name__}") from None
    except RecursionError:
        raise wrong(f"{origin}: nested too deeply") from None
    return Text(origin, root, lines, wrong)


def _value(node: yaml.Node, place: Place, lines: dict[Place, int], origin: str, wrong: type[PipelineError]) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if node.tag not in _PLAIN:
        raise wrong(f"{origin}, line {node.start_mark.line + 1}: tags (!name) are not allowed")
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, n), lines, origin, wrong) for n, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            lines[(*place, key)] = key_node.start_mark.line + 1
            if key in found:
                raise wrong(f"{origin}, line {lines[(*place, key)]}: {key!r} stands twice")
            found[key] = _value(value_node, (*place, key), lines, origin, wrong)
        return found
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (ValueError, LookupError):  # a number that is none, or has thousands of digits
        raise wrong(f"{origin}, line {node.start_mark.line + 1}: not a value of its kind") from None
