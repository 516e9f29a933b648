"""The tree of a recipe: entries, one after another, become named chains of steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from pipeline import draws, fits, stages
from pipeline.draws import Draw
from pipeline.errors import ModelError, RecipeError
from pipeline.grid import IDENTITY, Grid
from pipeline.plan import Chain, Plan, Step, stage_name, within
from pipeline.training import Training
from pipeline.volume import Spec
from pipeline.yaml_text import Place, Text

NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
"""Of recipes and outputs: they become folder names."""

RESERVED = frozenset({"labels", "ome"})
"""Names that a published group uses itself."""

RAW = "raw"
"""The branch point that every recipe has: the volume as acquired."""


Fitted = Mapping[str, Mapping[str, Any]]
"""Entries that were fitted over an archive, by the name under which they are stored."""


Stated = tuple[frozenset[str], ...]
"""The parameters that a recipe itself states, of each step of a chain."""


class Branch(NamedTuple):
    """What leads to a name from the source."""

    chain: Chain = ()
    stated: Stated = ()


def branches(
    text: Text, entries: list[Any], fitted: Fitted, augmented: bool
) -> tuple[dict[str, Branch], dict[str, Branch]]:
    """``(kept, masks)``: {kept name: what leads to it from the source}, and the same of what fits look within.

    Raises RecipeError.
    """
    tree = _Tree(text, fitted)
    here = Branch()
    for number, entry in enumerate(entries):
        here = tree.add(entry, ("stages", number), here)
    tree.finish(augmented)
    return tree.kept, tree.masks


def chains(found: Mapping[str, Branch]) -> dict[str, Chain]:
    """{name: its steps}"""
    return {name: branch.chain for name, branch in found.items()}


def needed(chain: Chain, masks: Mapping[str, Chain]) -> dict[str, Chain]:
    """Those of the masks that a chain looks within, and those that these look within."""
    found: dict[str, Chain] = {}
    for name in filter(None, map(within, chain)):
        found |= {**needed(masks[name], masks), name: masks[name]}
    return found


def random(chain: Chain, masks: Mapping[str, Chain]) -> bool:
    """Whether a chain, or a mask that it looks within, rests on a draw."""
    return any(isinstance(step, Draw) for steps in (chain, *needed(chain, masks).values()) for step in steps)


def check_training(text: Text, train: Training, kept: Mapping[str, Chain], masks: Mapping[str, Chain]) -> None:
    """Raises RecipeError unless a recipe keeps what it trains on: an image in source units, labels on its grid."""
    source = Spec(Grid(IDENTITY, (8, 8, 8)), "image", np.dtype("i2"))
    made = {}
    for key, kind in (("image", "image"), ("labels", "labels")):
        at: Place = ("train", key)
        name = text.known(getattr(train.settings, key), tuple(kept), "kept output", at)
        if random(kept[name], masks):
            raise text.error(f"{name!r} rests on a draw: the draws of a training stand under 'train'", at)
        made[key] = Plan(source, kept[name], tuple(needed(kept[name], masks).items()))
        if made[key].target.kind != kind:
            raise text.error(f"{name!r} is {made[key].target.kind}, not {kind}", at)
    if made["image"].units("") or made["image"].target.dtype != source.dtype:
        raise text.error(
            "a network is trained on source units: the model says how they are normalised", ("train", "image")
        )
    if made["labels"].target.grid != made["image"].target.grid:
        raise text.error("'labels' does not lie on the grid of 'image'", ("train", "labels"))


@dataclass
class _Tree:
    """What the entries of a recipe say, while they are read one after another.

    An entry goes on from the one above it, or from the name in ``from``.  ``keep`` publishes what it
    makes, ``as`` only names it; ``fit`` stands for an entry that was fitted over the archive.  A step that
    nothing kept rests on is an error.
    """

    text: Text
    fitted: Fitted
    named: dict[str, Branch] = field(default_factory=lambda: {RAW: Branch()})
    kept: dict[str, Branch] = field(default_factory=dict)
    masks: dict[str, Branch] = field(default_factory=dict)
    seen: list[tuple[Chain, Place]] = field(default_factory=list)

    def add(self, entry: Any, at: Place, here: Branch) -> Branch:
        """The branch that an entry ends, ``here`` being that of the entry above it."""
        text = self.text
        fields = text.mapping(entry, at)
        if "from" in fields:
            here = self.named[text.known(fields.pop("from"), tuple(self.named), "branch point", (*at, "from"))]
        names = {key: fields.pop(key) for key in ("keep", "as") if key in fields}
        if "fit" in fields:
            stored = self.fitted[text.known(fields.pop("fit"), tuple(self.fitted), "stored fit", (*at, "fit"))]
            fields = {**stored, **fields}
        stated = frozenset(fields) - {"use"}
        step = _step(text, fields, at)
        mask = within(step)
        if mask is not None:
            self.masks[mask] = self.named[text.known(mask, tuple(self.named), "branch point", (*at, "within"))]
        here = Branch((*here.chain, step), (*here.stated, stated))
        self.seen.append((here.chain, at))
        for key, name in names.items():
            self._name(key, name, here, (*at, key))
        _check(text, here.chain, chains(self.masks), at)
        return here

    def finish(self, augmented: bool) -> None:
        """Raises RecipeError for a step that nothing needs, a draw without samples, or samples without a draw."""
        kept, masks = chains(self.kept), chains(self.masks)
        used = {*kept.values()}
        for chain in kept.values():
            used.update(needed(chain, masks).values())
        for chain, at in self.seen:
            if not any(other[: len(chain)] == chain for other in used):
                raise self.text.error("nothing is kept of this stage: add 'keep: NAME' here or further on", at)
            if isinstance(chain[-1], Draw) and not augmented:
                name = stage_name(chain[-1])
                raise self.text.error(f"{name!r} is random: say 'augment: {{samples: 4, seed: 0}}'", at)
        if augmented and not any(random(chain, masks) for chain in kept.values()):
            raise self.text.error("'augment' makes samples of what is random, and nothing kept is", ("augment",))

    def _name(self, key: str, name: Any, branch: Branch, at: Place) -> None:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise self.text.error(f"{key!r} must be lower-case letters, digits, - and _", at)
        if name in self.named:
            raise self.text.error(f"{name!r} names two outputs", at)
        if name in RESERVED:
            raise self.text.error(f"{name!r} is a folder of OME-Zarr: choose another name", at)
        self.named[name] = branch
        if key == "keep":
            self.kept[name] = branch


@cache
def steps() -> dict[str, Any]:
    """Whatever an entry can use: stages, fits and draws, by name."""
    return {**stages.available(), **fits.available(), **draws.available()}


def _step(text: Text, fields: dict[str, Any], at: Place) -> Step:
    known = steps()
    if "use" not in fields:
        raise text.error("an entry needs 'use': the name of a stage", at)
    name = text.known(fields.pop("use"), tuple(known), "stage", (*at, "use"))
    step: Step = text.made(fields, name, known[name], at)
    return step


def _check(text: Text, chain: Chain, masks: Mapping[str, Chain], at: Place) -> None:
    """Labels in an intensity stage are refused when the recipe is read, not at the first volume."""
    try:
        Plan(Spec(Grid(IDENTITY, (8, 8, 8)), "image", np.dtype("i2")), chain, tuple(needed(chain, masks).items()))
    except (RecipeError, ModelError) as error:
        raise text.error(str(error), at) from None
