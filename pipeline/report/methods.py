"""A paragraph for the methods section of a paper: what a run did, in words and numbers."""

from __future__ import annotations

from dataclasses import asdict

import pipeline
from pipeline.archive.gate import GEOMETRY_ERROR_MM
from pipeline.plan import stage_name
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
    for name, chain in recipe.chains:
        steps = "; ".join(f"{stage_name(stage)} (version {stage.version}{_said(asdict(stage))})" for stage in chain)
        lines.append(f"- `{name}`: {steps}")
    return "\n".join(lines) + "\n"


def _said(parameters: dict[str, object]) -> str:
    return "".join(f", {name} = {value}" for name, value in parameters.items() if value is not None)
