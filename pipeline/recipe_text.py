"""The YAML of a recipe as plain values, with the line of every key, and errors that name it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml

from pipeline.errors import RecipeError

MOST = 64 * 1024
"""Characters of a recipe; a longer text is not one."""

_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}

Place = tuple[str | int, ...]
"""Where in the tree: keys and list positions from the root."""


@dataclass(frozen=True)
class Text:
    """A parsed recipe: plain values, and the line (from 1) on which each place begins."""

    origin: str
    root: Any
    lines: dict[Place, int]

    def error(self, message: str, place: Place) -> RecipeError:
        """A RecipeError that says where: the nearest place with a known line."""
        while place and place not in self.lines:
            place = place[:-1]
        return RecipeError(f"{self.origin}, line {self.lines.get(place, 1)}: {message}")

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


def nearest(name: str, names: tuple[str, ...]) -> str:
    """``; did you mean 'window'?``, or the list of names where none is near.

    >>> nearest("windw", ("window", "voi"))
    "; did you mean 'window'?"
    """
    hint = get_close_matches(name, names, 1)
    return f"; did you mean {hint[0]!r}?" if hint else f"; known: {', '.join(names) or 'none'}"


def parse(text: str, origin: str) -> Text:
    """Values and lines of a YAML text.  Raises RecipeError for what is not plain YAML.

    Aliases, tags and keys that stand twice are refused: none is needed, and each can hide something.
    """
    if len(text) > MOST:
        raise RecipeError(f"{origin}: longer than {MOST} characters")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise RecipeError(f"{origin}: aliases (*name) are not allowed")
        lines: dict[Place, int] = {}
        root = None if node is None else _value(node, (), lines, origin)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecipeError(f"{origin}, line {line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{origin}: not YAML: {type(error).__name__}") from None
    return Text(origin, root, lines)


def _value(node: yaml.Node, place: Place, lines: dict[Place, int], origin: str) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if node.tag not in _PLAIN:
        raise RecipeError(f"{origin}, line {node.start_mark.line + 1}: tags (!name) are not allowed")
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, n), lines, origin) for n, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            lines[(*place, key)] = key_node.start_mark.line + 1
            if key in found:
                raise RecipeError(f"{origin}, line {lines[(*place, key)]}: {key!r} stands twice")
            found[key] = _value(value_node, (*place, key), lines, origin)
        return found
    return yaml.SafeLoader("").construct_object(node, deep=True)
