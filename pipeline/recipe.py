"""A recipe: a small tree of named outputs, written in YAML.  Each kept name becomes one linear Plan.

Where a recipe is wrong, the error names the key, the line and the nearest name that is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from pipeline.errors import RecipeError
from pipeline.grid import IDENTITY, Grid
from pipeline.plan import Chain, Plan
from pipeline.recipe_text import Place, Text, parse
from pipeline.stages import Stage, available
from pipeline.volume import Facts, Spec

NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
"""Of recipes and outputs: they become folder names."""

RESERVED = frozenset({"labels", "ome"})
"""Names that a published group uses itself."""

RAW = "raw"
"""The branch point that every recipe has: the volume as acquired."""


@dataclass(frozen=True)
class Recipe:
    """What to do with a volume.

    Attributes
    ----------
    name : of the recipe, a folder below ``OUT/derived``
    where : a condition in SQL over the series table, or None for every series
    chains : (kept name, stages from the raw volume to it), in the order of the file
    """

    name: str
    where: str | None = None
    chains: tuple[tuple[str, Chain], ...] = ()

    def compile(self, source: Spec, facts: Facts) -> dict[str, Plan]:
        """{kept name: Plan} for one volume; defaults that depend on the volume are filled in."""
        return {name: Plan(source, tuple(s.resolve(facts) for s in chain)) for name, chain in self.chains}


def packaged() -> list[str]:
    """Names of the recipes that come with the program."""
    return sorted(p.name.removesuffix(".yaml") for p in _folder().iterdir() if p.name.endswith(".yaml"))


def load(recipe: str | Path) -> Recipe:
    """A recipe by its packaged name or its file.  Raises RecipeError."""
    text = source_text(recipe)
    return build(parse(text, str(recipe)))


def source_text(recipe: str | Path) -> str:
    """The YAML of a recipe, by packaged name or file.  Raises RecipeError where there is none."""
    if str(recipe) in packaged():
        return (_folder() / f"{recipe}.yaml").read_text()
    try:
        return Path(recipe).read_text()
    except (OSError, UnicodeDecodeError):
        known = ", ".join(packaged())
        raise RecipeError(f"no recipe {str(recipe)!r}: neither a readable file nor one of {known}") from None


def build(text: Text) -> Recipe:
    """The recipe that a parsed text says.  Raises RecipeError."""
    top = text.mapping(text.root, ())
    for key in top:
        text.known(key, ("name", "where", "stages"), "key of a recipe", (key,))
    name, where = top.get("name"), top.get("where")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise text.error("'name' must be lower-case letters, digits, - and _, beginning with a letter", ("name",))
    if where is not None and not isinstance(where, str):
        raise text.error("'where' must be a condition in SQL, as text", ("where",))
    entries = top.get("stages") or []
    if not isinstance(entries, list):
        raise text.error("'stages' must be a list", ("stages",))
    if name == RAW and entries:
        raise text.error(f"{RAW!r} is the volume as acquired: choose another name for what is made of it", ("name",))
    return Recipe(name, where, tuple(_chains(text, entries).items()))


def _chains(text: Text, entries: list[Any]) -> dict[str, Chain]:
    """{kept name: what leads to it from the source}.

    An entry goes on from the one above it, or from the name in ``from``.  ``keep`` publishes what it
    makes, ``as`` only names it.  A stage that nothing kept rests on is an error.
    """
    named: dict[str, Chain] = {RAW: ()}
    kept: dict[str, Chain] = {}
    seen: list[tuple[Chain, Place]] = []
    here: Chain = ()
    for number, entry in enumerate(entries):
        at: Place = ("stages", number)
        fields = text.mapping(entry, at)
        if "from" in fields:
            branch = text.known(fields.pop("from"), tuple(named), "branch point", (*at, "from"))
            here = named[branch]
        names = {key: fields.pop(key) for key in ("keep", "as") if key in fields}
        here = (*here, _stage(text, fields, at))
        seen.append((here, at))
        for key, name in names.items():
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise text.error(f"{key!r} must be lower-case letters, digits, - and _", (*at, key))
            if name in named:
                raise text.error(f"{name!r} names two outputs", (*at, key))
            if name in RESERVED:
                raise text.error(f"{name!r} is a folder of OME-Zarr: choose another name", (*at, key))
            named[name] = here
            if key == "keep":
                kept[name] = here
        _check_kinds(text, here, at)
    for chain, at in seen:
        if not any(other[: len(chain)] == chain for other in kept.values()):
            raise text.error("nothing is kept of this stage: add 'keep: NAME' here or further on", at)
    return kept


def _stage(text: Text, fields: dict[str, Any], at: Place) -> Stage:
    known = available()
    if "use" not in fields:
        raise text.error("an entry needs 'use': the name of a stage", at)
    name = text.known(fields.pop("use"), tuple(known), "stage", (*at, "use"))
    parameters = tuple(known[name].__dataclass_fields__)
    for key in fields:
        text.known(key, parameters, f"parameter of {name!r}", (*at, key))
    try:
        # From JSON, strictly: a list is a tuple, 1 is 1.0, but "1" is not a number.
        return _adapter(name).validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        parameter = str(first["loc"][0]) if first["loc"] else ""
        what = f"{parameter!r} of {name!r}" if parameter else f"{name!r}"
        message = first["msg"].removeprefix("Value error, ")
        raise text.error(f"{what}: {message}", (*at, parameter)) from None


def _check_kinds(text: Text, chain: Chain, at: Place) -> None:
    """Labels in an intensity stage are refused when the recipe is read, not at the first volume."""
    try:
        Plan(Spec(Grid(IDENTITY, (8, 8, 8)), "image", np.dtype("i2")), tuple(s.resolve(Facts()) for s in chain))
    except RecipeError as error:
        raise text.error(str(error), at) from None


@cache
def _adapter(stage: str) -> TypeAdapter[Any]:
    return TypeAdapter(available()[stage])


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a recipe, for editors; ``load`` is the judge."""
    entries = []
    for name, cls in sorted(available().items()):
        schema = _adapter(name).json_schema()
        branch = {"type": "string", "pattern": f"^{NAME.pattern}$"}
        own: Mapping[str, Any] = {"use": {"const": name}, "from": branch, "keep": branch, "as": branch}
        entries.append(
            {
                "title": cls.__name__,
                "description": (cls.__doc__ or "").strip().partition("\n")[0],
                "type": "object",
                "properties": {**own, **schema.get("properties", {})},
                "required": ["use", *schema.get("required", [])],
                "additionalProperties": False,
            }
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "scanmill recipe",
        "type": "object",
        "properties": {
            "name": {"type": "string", "pattern": f"^{NAME.pattern}$"},
            "where": {"type": "string", "description": "a condition in SQL over the series table"},
            "stages": {"type": "array", "items": {"oneOf": entries}},
        },
        "required": ["name"],
        "additionalProperties": False,
    }


def _folder() -> Any:
    return files("pipeline") / "recipes"
