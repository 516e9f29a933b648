"""A vendor profile: what is known of a maker's images, and what a recipe may leave to it.  YAML to a frozen value."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from pipeline import terms
from pipeline.volume import Facts, KernelClass
from pipeline.yaml_text import Place, Text, adapter

NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")

MATCHED: Mapping[str, Collection[str]] = {
    "modality": terms.MODALITIES,
    "manufacturer": terms.MANUFACTURERS,
    "model": terms.MODELS,
    "kernel": terms.KERNELS,
    "body_part": terms.BODY_PARTS,
    "kernel_class": get_args(KernelClass),
}
"""The facts of a volume that a profile may look at, and the terms that each of them can be."""

_KEYS = ("name", "version", "match", "ingest", "defaults", "sources")

Values = tuple[tuple[str, Any], ...]
"""(parameter, value) of a step."""


@dataclass(frozen=True)
class Ingest:
    """What the conversion of a series takes from a profile.  It changes attributes, never voxels.

    Attributes
    ----------
    padding : stored values that the maker pads with, also where no header says so: the one that is the lowest of a
        volume is its padding
    soft_kernels, sharp_kernels : terms of convolution kernels, or shell patterns of such terms
    """

    padding: tuple[int, ...] = ()
    soft_kernels: tuple[str, ...] = ()
    sharp_kernels: tuple[str, ...] = ()

    def kernel_class(self, kernel: str | None) -> KernelClass | None:
        """What a kernel is made for; None where the profile does not say.

        >>> Ingest(soft_kernels=("B[1-4]*",)).kernel_class("B30f")
        'soft'
        """
        if kernel is not None:
            if any(fnmatchcase(kernel, pattern) for pattern in self.soft_kernels):
                return "soft"
            if any(fnmatchcase(kernel, pattern) for pattern in self.sharp_kernels):
                return "sharp"
        return None


@dataclass(frozen=True)
class Profile:
    """What holds for the volumes that it matches.

    Attributes
    ----------
    version : raised whenever anything else here changes
    match : (fact, the terms that it may be); all of them must hold
    ingest : None in a profile of the user's, which has no say in what is converted once and for all
    defaults : (step, its parameters) where a recipe is silent
    sources : where each fact is from
    packaged : whether it comes with the program; the user's own go first
    """

    name: str
    version: int
    match: tuple[tuple[str, tuple[str, ...]], ...]
    ingest: Ingest = Ingest()
    defaults: tuple[tuple[str, Values], ...] = ()
    sources: tuple[str, ...] = ()
    packaged: bool = False

    @property
    def label(self) -> str:
        """As reports name it: ``ct-ge 1``."""
        return f"{self.name} {self.version}"

    def matches(self, facts: Facts) -> bool:
        """Whether it speaks of a volume."""
        return all(getattr(facts, key) in values for key, values in self.match)


def read(text: Text, packaged: bool = False) -> Profile:
    """The profile that a parsed text says.  Raises RecipeError with the line, and the nearest word that is right."""
    top = text.mapping(text.root, ())
    for key in top:
        text.known(key, _KEYS, "key of a vendor profile", (key,))
    name, version = top.get("name"), top.get("version")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise text.error("'name' must be lower-case letters, digits and -, beginning with a letter", ("name",))
    if type(version) is not int or version < 1:
        raise text.error("'version' must be a whole number of at least 1", ("version",))
    if "ingest" in top and not packaged:
        raise text.error("'ingest' belongs to the profiles that come with the program", ("ingest",))
    fields = text.mapping(top.get("ingest") or {}, ("ingest",))
    sources = top.get("sources") or []
    if not isinstance(sources, list) or not all(isinstance(source, str) for source in sources):
        raise text.error("'sources' must be a list of texts", ("sources",))
    return Profile(
        name=name,
        version=version,
        match=_match(text, top.get("match")),
        ingest=text.made(fields, "ingest", Ingest, ("ingest",)),
        defaults=_defaults(text, top.get("defaults") or {}),
        sources=tuple(sources),
        packaged=packaged,
    )


def _match(text: Text, value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = []
    for key, wanted in text.mapping(value, ("match",)).items():
        at: Place = ("match", key)
        text.known(key, tuple(MATCHED), "fact of a volume", at)
        wanted = wanted if isinstance(wanted, list) else [wanted]
        found.append((key, tuple(text.known(term, tuple(MATCHED[key]), f"term of {key!r}", at) for term in wanted)))
    if not found:
        raise text.error("'match' must name at least one fact", ("match",))
    return tuple(found)


def _defaults(text: Text, value: Any) -> tuple[tuple[str, Values], ...]:
    entries = text.mapping(value, ("defaults",))
    if not entries:
        return ()
    from pipeline.recipe_tree import steps  # with all kernels: a scan, which reads profiles too, needs none of them

    found = []
    for name, fields in entries.items():
        at: Place = ("defaults", name)
        kind = steps()[text.known(name, tuple(steps()), "stage", at)]
        found.append((name, _values(text, text.mapping(fields, at), name, kind, at)))
    return tuple(found)


def _values(text: Text, fields: dict[str, Any], name: str, kind: Any, at: Place) -> Values:
    """Each by itself: what the parameters are together is seen beside what a recipe says."""
    hints, found = get_type_hints(kind), []
    for key, value in fields.items():
        text.known(key, tuple(kind.__dataclass_fields__), f"parameter of {name!r}", (*at, key))
        if key == "within":
            raise text.error("'within' names a branch point of a recipe: no profile knows it", (*at, key))
        try:
            found.append((key, adapter(hints[key]).validate_json(json.dumps(value), strict=True)))
        except ValidationError as error:
            raise text.error(f"{key!r} of {name!r}: {error.errors()[0]['msg']}", (*at, key)) from None
    return tuple(found)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a vendor profile, for editors; ``read`` is the judge."""
    from pipeline.recipe_tree import steps

    def term(key: str) -> dict[str, Any]:
        one: dict[str, Any] = {"type": "string", "description": f"a term of vocab/{key}.yaml"}
        if key == "kernel_class":
            one = {"enum": list(MATCHED[key])}
        return {"oneOf": [one, {"type": "array", "items": one, "minItems": 1}]}

    def closed(properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": "object", "properties": dict(properties), "additionalProperties": False}

    parameters = {name: adapter(kind).json_schema().get("properties", {}) for name, kind in sorted(steps().items())}
    for properties in parameters.values():
        properties.pop("within", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "scanmill vendor profile",
        **closed(
            {
                "name": {"type": "string", "pattern": f"^{NAME.pattern}$"},
                "version": {"type": "integer", "minimum": 1},
                "match": closed({key: term(key) for key in MATCHED}) | {"minProperties": 1},
                "ingest": closed(adapter(Ingest).json_schema()["properties"]),
                "defaults": closed({name: closed(properties) for name, properties in parameters.items()}),
                "sources": {"type": "array", "items": {"type": "string"}},
            }
        ),
        "required": ["name", "version", "match"],
    }
