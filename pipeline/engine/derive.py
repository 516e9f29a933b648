"""Outputs of a recipe, in memory: computed together, measured, arranged as they will be published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.engine.costs import Costs
from pipeline.plan import Chain, Plan, described, run_together
from pipeline.report.measure import measure_image, measure_labels
from pipeline.settle import settle
from pipeline.store import omezarr
from pipeline.structure import Structure
from pipeline.volume import Facts, Volume


@dataclass(frozen=True)
class Source:
    """What recipes start from: a raw volume, the label maps that came with it, and what is known of them.

    ``structures`` says what the values of a label map mean, by its name, where that is known.
    """

    volume: Volume
    labels: Mapping[str, Volume]
    facts: Facts
    geometry_error_mm: float
    structures: Mapping[str, tuple[Structure, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """Some of a recipe's outputs.

    Attributes
    ----------
    images : what is written, by the name under which it is
    outputs : what the report will say of each output, by its name
    """

    images: dict[str, omezarr.Image]
    outputs: dict[str, Any]


def make(plans: Mapping[str, Plan], source: Source, own: Mapping[str, str], costs: Costs) -> Made:
    """Carry plans out together on the whole volume; ``own`` ids are written beside every array.

    The label maps of the source follow the first image on each grid, through the stages that move it.
    Raises Quarantine where a fit cannot be made of these voxels.
    """
    read = source.volume.crop_to
    with costs.step("compute") as nbytes:
        settled, known = settle(plans, read)
        made = run_together(settled, read, {name: plan.target.grid for name, plan in settled.items()}, known)
        del known
        homes = arranged(settled, made)
        followed = {name: _followed(settled[name], source, homes[name]) for name in leaders(made)}
        nbytes.extend(v.array.nbytes for v in made.values())
    with costs.step("qa"):
        outputs = {name: _output(name, plan, made[name], source) for name, plan in settled.items()}
        for name, labels in followed.items():
            for label, (volume, meant) in labels.items():
                measured = measure_labels(volume, meant)
                outputs[f"{name}/labels/{label}"] = {**_shape(volume), "qa": None, "structures": measured}
    images = {}

    def written(plan: Plan, volume: Volume, labels: Mapping[str, omezarr.Image]) -> omezarr.Image:
        facts = replace(source.facts, units=plan.units(source.facts.units))
        stages = [described(stage) for stage in plan.stages]
        return replace(image(volume, facts, {**own, "stages": stages}, labels), structures=plan.structures)

    for name, below in homes.items():
        own_labels = {
            label: replace(written(_following(settled[name], volume), volume, {}), structures=meant)
            for label, (volume, meant) in followed.get(name, {}).items()
        }
        own_labels |= {_label(n): written(settled[n], made[n], {}) for n in below}
        images[name] = written(settled[name], made[name], own_labels)
    return Made(images, outputs)


def arranged(plans: Mapping[str, Plan], made: Mapping[str, Volume]) -> dict[str, list[str]]:
    """{what is written: the label maps below it}: each below the kept image that it is cut from.

    Else below the first image on its grid; a label map without an image on its grid is written by itself.
    """
    home: dict[str, list[str]] = {name: [] for name, volume in made.items() if volume.kind == "image"}
    images = list(home)
    for name, volume in made.items():
        if volume.kind == "labels":
            near = [n for n in images if made[n].grid == volume.grid]
            near.sort(key=lambda n: -_shared(plans[n].stages, plans[name].stages))
            if near:
                home[near[0]].append(name)
            else:
                home[name] = []
    return home


def leaders(made: Mapping[str, Volume]) -> list[str]:
    """The first image on each grid, by name: the one that label maps of the source follow."""
    first: dict[Any, str] = {}
    for name, volume in made.items():
        if volume.kind == "image":
            first.setdefault(volume.grid, name)
    return list(first.values())


_TOLD = (
    *("partial", "temporal_position", "trigger_ms", "echo_ms", "inversion_ms", "b_value", "component", "energy_kev"),
    "private_scale",
)
"""Facts that most volumes do not have."""


def image(
    volume: Volume, facts: Facts, own: Mapping[str, Any], labels: Mapping[str, omezarr.Image] | None = None
) -> omezarr.Image:
    """With the facts that may stand in a published attribute: ids, closed vocabularies and numbers."""
    public = {
        **own,
        "modality": facts.modality,
        "units": facts.units,
        "padding": facts.padding,
        "lossy": facts.lossy,
        "spacing_source": facts.spacing_source,
        **{name: value for name in _TOLD if (value := getattr(facts, name)) is not None},
    }
    return omezarr.Image(
        volume, labels or {}, public, anatomical=facts.anatomical, millimetres=facts.spacing_source != "none"
    )


def _followed(plan: Plan, source: Source, kept: Iterable[str]) -> dict[str, tuple[Volume, tuple[Structure, ...]]]:
    """The label maps of the source where a plan moves its image to, under names that no kept label map has."""
    taken = set(map(_label, kept))
    found = {}
    for name, labels in source.labels.items():
        moved = _following(plan, labels)
        volume = moved.run(labels.crop_to, moved.target.grid)
        found[f"source-{name}" if name in taken else name] = volume, source.structures.get(name, ())
    return found


def _following(plan: Plan, labels: Volume) -> Plan:
    return plan.following(labels.array.dtype)


def _shared(image: Chain, labels: Chain) -> int:
    """Stages of an image that a label map rests on: all of them or, as the two are no branch of one, none."""
    return len(image) if labels[: len(image)] == image else 0


def _label(output: str) -> str:
    """The name of a label map below its image; a sample stands in the image's own name."""
    return output.partition("/")[0]


def _output(name: str, plan: Plan, volume: Volume, source: Source) -> dict[str, Any]:
    """What the report will say of one output.  A sample is not compared: it is not meant to be like its source."""
    row = {**_shape(volume), "qa": None, "structures": []}
    if volume.kind == "image":
        row["qa"] = {
            **measure_image(plan, volume, source.volume, source.facts, compare="/" not in name),
            "n_interpolations": plan.interpolations,
            "geometry_error_mm": source.geometry_error_mm,
            "lossy_source": source.facts.lossy,
        }
    else:
        row["structures"] = measure_labels(volume, plan.structures)
    return row


def _shape(volume: Volume) -> dict[str, Any]:
    return {
        "kind": volume.kind,
        "shape": list(volume.grid.shape),
        "dtype": str(volume.array.dtype),
        "spacing_mm": list(volume.grid.spacing),
    }
