"""What will be computed, decided before anything is.  Pure: no files, no Dask."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.draws import Draw
from pipeline.errors import RecipeError
from pipeline.fits import Fit
from pipeline.grid import Grid
from pipeline.stages import Stage
from pipeline.structure import Structure
from pipeline.volume import Spec, Volume

Read = Callable[[Grid], Volume]
"""Reads the part of the source that lies on a grid."""

Step = Stage | Fit | Draw
"""What stands in a chain.  Before it can run, draws are drawn (``draws``) and fits are settled (``settle``)."""

Chain = tuple[Any, ...]
"""Steps, first to last."""


@dataclass(frozen=True)
class Plan:
    """A chain of steps over one source.

    Attributes
    ----------
    stages : the steps; those of a plan that runs are all stages
    masks : (name, chain from the same source) of the label maps that fits look within
    profile : the vendor profile that parameters were taken from, with its version: ``ct-ge 1``

    Raises
    ------
    RecipeError
        If a step is handed a kind of volume that it does not take, or a mask is no label map or does not lie
        on the grid of what is looked at.
    """

    source: Spec
    stages: Chain = ()
    masks: tuple[tuple[str, Chain], ...] = ()
    profile: str | None = None

    def __post_init__(self) -> None:
        changed = ""
        for step, spec in zip(self.stages, self.specs, strict=False):
            if spec.kind not in step.takes:
                raise RecipeError(f"{stage_name(step)!r} does not take {spec.kind}")
            if getattr(step, "source_units", False) and changed:
                raise RecipeError(f"{stage_name(step)!r} looks at source units, not at what {changed!r} makes of them")
            changed = stage_name(step) if getattr(step, "units", None) is not None else changed
            name = within(step)
            if name is not None:
                mask = self.mask(name).target
                if mask.kind != "labels":
                    raise RecipeError(f"{name!r} is no label map: {stage_name(step)!r} cannot look within it")
                if mask.grid != spec.grid:
                    raise RecipeError(f"{name!r} does not lie on the grid that {stage_name(step)!r} looks at")

    def mask(self, name: str) -> Plan:
        """The plan of a mask.  Raises RecipeError where there is none of that name."""
        chains = dict(self.masks)
        if name not in chains:
            raise RecipeError(f"there is no label map {name!r} to look within")
        return Plan(self.source, chains[name], tuple(pair for pair in self.masks if pair[0] != name))

    @cached_property
    def specs(self) -> tuple[Spec, ...]:
        """Before the first stage, between stages, and after the last."""
        specs = [self.source]
        for stage in self.stages:
            specs.append(stage.spec(specs[-1]))
        return tuple(specs)

    @property
    def target(self) -> Spec:
        """What comes out; of a plan with fits, the most that can."""
        return self.specs[-1]

    @property
    def intensity(self) -> Plan:
        """The same source through those stages only that leave every voxel where it is.

        It makes what an image output would be if it had never been moved: the reference of its QA.
        """
        return replace(self, stages=tuple(step for step in self.stages if not step.moves))

    def following(self, dtype: np.dtype) -> Plan:
        """A label map of the source, moved as this plan moves its image."""
        labels = Spec(self.source.grid, "labels", dtype)
        return Plan(labels, tuple(step for step in self.stages if step.moves))

    @property
    def structures(self) -> tuple[Structure, ...]:
        """What the values of the resulting label map mean; empty where nobody says.

        A stage that only moves labels leaves them what they are; any other makes labels of its own.
        """
        made = next((step for step in reversed(self.stages) if not step.moves), None)
        return made.structures if isinstance(made, Stage) else ()

    def units(self, source: str) -> str:
        """Of the values of the result, those of the source being ``source``."""
        return next((step.units for step in reversed(self.stages) if step.units is not None), source)

    @property
    def interpolations(self) -> int:
        """How often a voxel of the result was interpolated."""
        return sum(step.interpolates for step in self.stages)

    def reach(self, piece: Grid) -> tuple[Grid, ...]:
        """What each stage must deliver so that ``piece`` can be made; first, what to read.

        ::

            read  |-----------------|      <- reach of the first stage
                     |-----------|         <- reach of the second
            piece       |-----|
        """
        needed = [piece]
        for stage, source in zip(reversed(self.stages), reversed(self.specs[:-1]), strict=True):
            needed.append(stage.reach(needed[-1], source))
        return tuple(reversed(needed))

    def run(self, read: Read, piece: Grid) -> Volume:
        """Make one piece."""
        return run_together({"": self}, read, {"": piece})[""]


def run_together(
    plans: Mapping[str, Plan], read: Read, pieces: Mapping[str, Grid], known: Mapping[Chain, Volume] | None = None
) -> dict[str, Volume]:
    """One piece of each plan, all of one source; a prefix that several plans share is computed once.

    ``known`` are prefixes that were made before, whole: nothing before them is computed again.

    Walk back: of each prefix, the hull of what its branches need.  Walk forth, depth first: make it once
    and hand each branch its part, so that a volume is let go as soon as its last branch is made.  A ramp
    that alone follows a stage that fuses is applied as that stage writes.  L11 says that every part has
    the bits it would have had alone.

    ::

        raw -- resample = ct -- window = image        prefixes: (), (resample), (resample, window),
                        \\-- threshold = body                    (resample, threshold)
    """
    source = _one_source(plans)
    specs = {plan.stages[:n]: spec for plan in plans.values() for n, spec in enumerate(plan.specs)}
    kept = {plan.stages for plan in plans.values()}
    need: dict[Chain, Grid] = {}

    def want(prefix: Chain, piece: Grid) -> None:
        need[prefix] = need[prefix].hull(piece) if prefix in need else piece

    for name, plan in plans.items():
        want(plan.stages, pieces[name])
    for prefix in sorted(specs, key=len, reverse=True):
        if prefix:
            want(prefix[:-1], prefix[-1].reach(need[prefix], specs[prefix[:-1]]))

    made: dict[str, Volume] = {}
    known = known or {}

    def children(prefix: Chain) -> list[Chain]:
        return [longer for longer in specs if longer and longer[:-1] == prefix]

    def walk(prefix: Chain, volume: Volume) -> None:
        made.update({n: volume.crop_to(pieces[n]) for n, plan in plans.items() if plan.stages == prefix})
        for child in children(prefix):
            if child in known:
                walk(child, known[child])
                continue
            stage, before = child[-1], specs[prefix]
            part = volume.crop_to(stage.reach(need[child], before))
            after = children(child)
            ramp = None
            if stage.fuses and child not in kept and len(after) == 1 and after[0] not in known:
                ramp = after[0][-1].ramp(specs[child])
            try:
                if ramp is None:
                    walk(child, stage(part, need[child], before))
                else:
                    walk(after[0], stage(part, need[child], before, ramp=ramp))
            except Exception as error:
                error.add_note(f"in stage {stage_name(stage)!r}")
                raise

    walk((), read(need.get((), source.grid)))
    return made


def peak_bytes(plans: Mapping[Any, Plan]) -> int:
    """An upper bound of the memory that settling and running plans together holds at once, the source included.

    Every distinct volume on the way, as if none were let go, and the scratch of the step that holds most.
    """
    plans = {**plans, **{(name, mask): plan.mask(mask) for name, plan in plans.items() for mask, _ in plan.masks}}
    volumes = {plan.stages[:n]: spec for plan in plans.values() for n, spec in enumerate(plan.specs)}
    held = [_held(chain[-1], volumes[chain[:-1]], spec) for chain, spec in volumes.items() if chain]
    return sum(spec.nbytes for spec in volumes.values()) + max(held, default=0)


def fingerprint(plans: Mapping[str, Plan], raw_sha256: str) -> str:
    """Of everything that decides the bytes of a recipe's outputs: what makes a re-run incremental.

    sha256 over the raw volume's own hash and, per kept name, each step with its version and parameters, and the vendor
    profile that some of them are from.
    """
    outputs = {
        name: {
            "stages": [described(step) for step in plan.stages],
            "masks": {mask: [described(step) for step in chain] for mask, chain in plan.masks},
            **({"profile": plan.profile} if plan.profile else {}),
        }
        for name, plan in plans.items()
    }
    text = json.dumps({"raw": raw_sha256, "outputs": outputs}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def stage_name(step: Step) -> str:
    """As a recipe spells it: the name of the step's file."""
    return type(step).__module__.rpartition(".")[2]


def described(step: Step) -> dict[str, Any]:
    """A step as JSON has it: its name, its version, its parameters."""
    return {"use": stage_name(step), "version": step.version, **asdict(step)}


def within(step: Step) -> str | None:
    """The name of the label map that a fit looks within."""
    return getattr(step, "within", None)


def _held(step: Step, source: Spec, target: Spec) -> int:
    """What a step holds beside its source and its result; of fits and draws, whatever they become."""
    if isinstance(step, Stage):
        return step.held(source)
    return step.scratch * max(source.grid.size, target.grid.size)


def _one_source(plans: Mapping[str, Plan]) -> Spec:
    (source,) = {plan.source for plan in plans.values()}
    return source
