"""A paragraph for the methods section of a paper: what a run did, in words and numbers."""

from __future__ import annotations

from dataclasses import asdict

import pipeline
from pipeline.archive.gate import GEOMETRY_ERROR_MM
from pipeline.plan import Chain, stage_name
from pipeline.recipe import Recipe


def methods(recipe: Recipe) -> str:
    """Markdown; holds parameters only, no count and no time."""
    lines = [
        f"# Methods: recipe `{recipe.name}`",
        "",
        f"Images were converted with scanmill {pipeline.__version__}. Slices were sorted by their position along the "
        f"slice normal; a series was converted only if one affine places every voxel within {GEOMETRY_ERROR_MM:g} mm "
        "of the positions in its headers, and quarantined with a reason otherwise. Stored values were brought to "
        "their units by the modality rescale alone and kept as integers wherever that is exact.",
    ]
    if recipe.where:
        lines += ["", f"Series were selected by `{recipe.where}`."]
    if recipe.chains:
        lines += ["", "From each raw volume these outputs were made, each by its stages in order:", ""]
    lines += [f"- `{name}`: {_steps(chain)}" for name, chain in recipe.chains]
    if recipe.masks:
        lines += ["", "Fits looked within these label maps, made of the same volume:", ""]
    lines += [f"- `{name}`: {_steps(chain)}" for name, chain in recipe.masks]
    taken = _taken(recipe)
    if taken:
        lines += ["", "What the recipe leaves open was taken from vendor profiles, for volumes that match:", "", *taken]
    if recipe.augment:
        lines += [
            "",
            f"What is random was drawn {recipe.augment.samples} times a volume, from Philox4x64 generators that are "
            f"keyed by the seed {recipe.augment.seed}, the volume, the sample and the step.",
        ]
    return "\n".join(lines) + "\n"


def _taken(recipe: Recipe) -> list[str]:
    """Of each profile, what it gives to the steps of a recipe: parameters that some step of that name leaves open."""
    stated = dict(recipe.stated)
    said: dict[str, list[frozenset[str]]] = {}
    for name, chain in (*recipe.chains, *recipe.masks):
        for step, keys in zip(chain, stated.get(name, ()), strict=False):
            said.setdefault(stage_name(step), []).append(keys)
    lines = []
    for profile in recipe.profiles:
        match = " and ".join(f"{key} {' or '.join(terms)}" for key, terms in profile.match)
        for step, values in profile.defaults:
            given = {key: value for key, value in values if any(key not in keys for keys in said.get(step, ()))}
            if given:
                lines.append(f"- `{profile.name}` (version {profile.version}; {match}): {step}{_said(given)}")
    return lines


def _steps(chain: Chain) -> str:
    return "; ".join(f"{stage_name(step)} (version {step.version}{_said(asdict(step))})" for step in chain)


def _said(parameters: dict[str, object]) -> str:
    return "".join(f", {name} = {value}" for name, value in parameters.items() if value is not None)
