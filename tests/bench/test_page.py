"""The limits that docs/geometry.md tells are those of the code, and its reason codes are reasons."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from pipeline.reasons import Reason

PAGE = (Path(__file__).parent.parent.parent / "docs" / "geometry.md").read_text()
RULES = PAGE.partition("## Limits")[2].partition("\n## ")[0]


def test_each_limit_is_its_constant() -> None:
    rows = re.findall(r"^\|[^|]+\| ([^|]+) \|[^|]+\| `(\w+)\.(\w+)` \|$", RULES, re.MULTILINE)
    assert len(rows) == RULES.count("\n| ") - 1 == 10
    for limit, module, name in rows:
        constant = getattr(import_module(f"pipeline.archive.{module}"), name)
        expected = constant if isinstance(constant, tuple) else (constant,)
        assert tuple(float(number) for number in re.findall(r"[\d.]+", limit)) == expected, name


def test_every_limit_of_the_gate_is_told() -> None:
    gate = import_module("pipeline.archive.gate")
    numbers = {name for name, value in vars(gate).items() if name.isupper() and isinstance(value, float)}
    assert {f"gate.{name}" for name in numbers} <= set(re.findall(r"`(gate\.\w+)`", RULES))


def test_every_reason_is_one() -> None:
    assert set(re.findall(r"`([A-Z_]{6,})`", RULES)) <= set(Reason)
