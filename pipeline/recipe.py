"""A recipe: a small tree of named outputs, written in YAML.  Each kept name becomes one linear Plan.

Where a recipe is wrong, the error names the key, the line and the nearest name that is right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from pipeline import training, vendors
from pipeline.errors import RecipeError
from pipeline.plan import Chain, Plan, Step, stage_name
from pipeline.recipe_tree import NAME, RAW, Fitted, Stated, branches, chains, check_training, needed, random, steps
from pipeline.sampling import Augment, sampled
from pipeline.training import Training
from pipeline.vendors import Profile
from pipeline.volume import Facts, Spec
from pipeline.yaml_text import Text, adapter, parse


@dataclass(frozen=True)
class Recipe:
    """What to do with a volume.

    Attributes
    ----------
    name : of the recipe, a folder below ``OUT/derived``
    where : a condition in SQL over the series table, or None for every series
    chains : (kept name, steps from the raw volume to it), in the order of the file
    masks : (name, steps) of the label maps that fits look within
    augment : how many samples are made of what rests on a draw; None where nothing does
    train : how a network is trained on what is kept
    stated : of each name among ``chains`` and ``masks`` the parameters that the recipe itself states, step by step;
        a name that is missing here states them all
    profiles : vendor profiles, for what it does not state
    """

    name: str
    where: str | None = None
    chains: tuple[tuple[str, Chain], ...] = ()
    masks: tuple[tuple[str, Chain], ...] = ()
    augment: Augment | None = None
    train: Training | None = None
    stated: tuple[tuple[str, Stated], ...] = ()
    profiles: tuple[Profile, ...] = ()

    def compile(self, source: Spec, facts: Facts, volume_id: str) -> dict[str, Plan]:
        """{name of an output: Plan} for one volume: defaults are filled in, draws are drawn, fits still to be settled.

        What rests on a draw is there once a sample, as ``name/s000`` and so on.  What the recipe does not state is
        taken from the vendor profile that matches, then from the facts of the volume, then from the step itself.
        """
        profile = vendors.applicable(self.profiles, facts)
        masks = {name: self._filled(name, chain, profile) for name, chain in self.masks}
        said = dict(self.masks)
        plans: dict[str, Plan] = {}
        for name, as_said in self.chains:
            chain = self._filled(name, as_said, profile)
            looked_within = needed(chain, masks)
            took = (chain, looked_within) != (as_said, needed(as_said, said))
            plan = Plan(
                source,
                _resolved(chain, facts),
                tuple((within, _resolved(mask, facts)) for within, mask in looked_within.items()),
                profile.label if profile is not None and took else None,
            )
            if self.augment is None or not random(chain, masks):
                plans[name] = plan
            else:
                for sample in self.augment.names:
                    plans[f"{name}/{sample}"] = sampled(plan, self.augment.seed, volume_id, sample)
        return plans

    def _filled(self, name: str, chain: Chain, profile: Profile | None) -> Chain:
        """The same with the defaults of a profile wherever the recipe is silent."""
        stated = dict(self.stated).get(name)
        if profile is None or stated is None:
            return chain
        return tuple(_completed(step, keys, profile) for step, keys in zip(chain, stated, strict=True))


def batches(plans: Mapping[str, Plan]) -> list[dict[str, Plan]]:
    """Plans that are run together: all that rest on no draw, then those of each sample."""
    found: dict[str, dict[str, Plan]] = {}
    for name, plan in plans.items():
        found.setdefault(name.partition("/")[2], {})[name] = plan
    return [found[sample] for sample in sorted(found)]


def _completed(step: Step, stated: frozenset[str], profile: Profile) -> Step:
    """A step with the defaults of a profile.  Beside what the recipe states they may make no step: its word stands."""
    silent = {key: value for key, value in dict(profile.defaults).get(stage_name(step), ()) if key not in stated}
    try:
        return replace(step, **silent)
    except ValueError:
        return step


def _resolved(chain: Chain, facts: Facts) -> Chain:
    return tuple(step.resolve(facts) for step in chain)


def packaged() -> list[str]:
    """Names of the recipes that come with the program."""
    return sorted(p.name.removesuffix(".yaml") for p in _folder().iterdir() if p.name.endswith(".yaml"))


def load(recipe: str | Path, fits: Path | None = None) -> Recipe:
    """A recipe by its packaged name or its file, with all vendor profiles that there are.

    ``fits`` is the folder of what was fitted over the archive.  Raises RecipeError.
    """
    text = source_text(recipe)
    built = build(parse(text, str(recipe)), {} if fits is None else _stored(fits))
    return replace(built, profiles=vendors.available())


def _stored(folder: Path) -> dict[str, Any]:
    """The entries of the fits of an OUT, by name; one whose content is not what its name says is not there."""
    found = {}
    for path in sorted(folder.glob("*-*.json")):
        content = path.read_bytes()
        if path.stem.rpartition("-")[2] == sha256(content).hexdigest()[:8]:
            found[path.stem] = json.loads(content)["entry"]
    return found


def source_text(recipe: str | Path) -> str:
    """The YAML of a recipe, by packaged name or file.  Raises RecipeError where there is none."""
    if str(recipe) in packaged():
        return (_folder() / f"{recipe}.yaml").read_text()
    try:
        return Path(recipe).read_text()
    except (OSError, UnicodeDecodeError):
        known = ", ".join(packaged())
        raise RecipeError(f"no recipe {str(recipe)!r}: neither a readable file nor one of {known}") from None


def build(text: Text, fitted: Fitted | None = None) -> Recipe:
    """The recipe that a parsed text says, with the entries that were fitted before.  Raises RecipeError."""
    top = text.mapping(text.root, ())
    for key in top:
        text.known(key, ("name", "where", "stages", "augment", "train"), "key of a recipe", (key,))
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
    augment = None
    if "augment" in top:
        augment = text.made(text.mapping(top["augment"], ("augment",)), "augment", Augment, ("augment",))
    kept, masks = branches(text, entries, fitted or {}, augment is not None)
    stated = {name: branch.stated for name, branch in (masks | kept).items()}
    train = training.read(text, top["train"], ("train",)) if "train" in top else None
    if train is not None:
        check_training(text, train, chains(kept), chains(masks))
    named = tuple(chains(kept).items()), tuple(chains(masks).items())
    return Recipe(name, where, *named, augment, train, tuple(stated.items()))


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a recipe, for editors; ``load`` is the judge."""
    entries = []
    for name, cls in sorted(steps().items()):
        schema = adapter(cls).json_schema()
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
    branch = {"type": "string", "pattern": f"^{NAME.pattern}$"}
    stored = {"fit": {"type": "string"}, **dict.fromkeys(("from", "keep", "as"), branch)}
    entries.append(
        {
            "title": "Stored fit",
            "description": "An entry that `scanmill fit` made, by its name in OUT/fits.",
            "type": "object",
            "properties": stored,
            "required": ["fit"],
            "additionalProperties": False,
        }
    )
    train, defs = training.json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "scanmill recipe",
        "type": "object",
        "properties": {
            "name": {"type": "string", "pattern": f"^{NAME.pattern}$"},
            "where": {"type": "string", "description": "a condition in SQL over the series table"},
            "stages": {"type": "array", "items": {"oneOf": entries}},
            "augment": {**adapter(Augment).json_schema(), "additionalProperties": False},
            "train": train,
        },
        "required": ["name"],
        "additionalProperties": False,
        "$defs": defs,
    }


def _folder() -> Any:
    return files("pipeline") / "recipes"
