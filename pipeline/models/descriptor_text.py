"""A descriptor as the text of a ``model.yaml``: ``descriptor.read`` reads it back equal."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import yaml

from pipeline.models.descriptor import Descriptor

WIDTH = 120
"""Columns, after which YAML folds a line."""


def text(descriptor: Descriptor) -> str:
    """YAML in the order of the fields.  None is left out; every other value is said, so that a default that changes
    later changes no model that was written before."""
    written: str = yaml.dump(
        _plain(descriptor),
        Dumper=_Dumper,
        default_flow_style=None,  # lists and mappings of plain values stand on one line
        sort_keys=False,
        allow_unicode=True,
        width=WIDTH,
    )
    return written


class _Dumper(yaml.SafeDumper):
    """Without aliases, which the reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quoted(dumper: yaml.SafeDumper, words: str) -> yaml.ScalarNode:
    """In double quotes, which escape it, where there is U+0085: elsewhere YAML 1.1 takes it for the end of a line."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", words, style='"' if "\x85" in words else None)


_Dumper.add_representer(str, _quoted)


def _plain(value: Any) -> Any:
    """Dataclasses as mappings, tuples as lists."""
    if is_dataclass(value):
        named = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: _plain(inner) for name, inner in named if inner is not None}
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value
