"""What a recipe can use, in words: every stage, fit and draw with its parameters."""

from __future__ import annotations

from dataclasses import MISSING, fields
from inspect import cleandoc
from typing import Any

from pipeline import draws, fits, stages

KINDS = (
    ("Stages", "Pure steps from volume to volume.", stages.available),
    ("Fits", "They look at the whole of a volume first, then become a stage with numbers in it.", fits.available),
    ("Draws", "Random: for each sample of a volume they become a stage with numbers in it.", draws.available),
)


def document() -> str:
    """Markdown: one section a step, as its own docstring says it."""
    lines = ["# Steps of recipes", "", "Generated from the code; `recipe.json` is the same for editors.", ""]
    for title, about, available in KINDS:
        lines += [f"## {title}", "", about, ""]
        for name, cls in sorted(available().items()):
            lines += [
                f"### {name}",
                "",
                f"`{_usage(name, cls)}`",
                "",
                "```text",
                cleandoc(cls.__doc__ or ""),
                "```",
                "",
            ]
    return "\n".join(lines)


def _usage(name: str, cls: Any) -> str:
    """``{use: window, center: ..., width: ..., dtype: float16}``: as an entry is written, defaults given."""
    keys = [f"{f.name}: {'...' if f.default is MISSING else _said(f.default)}" for f in fields(cls)]
    return "{" + ", ".join([f"use: {name}", *keys]) + "}"


def _said(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{', '.join(map(_said, value))}]" if isinstance(value, tuple) else f"{value}"
