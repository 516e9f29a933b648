"""What will be computed, decided before anything is.  Pure: no files, no Dask."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from pipeline.errors import RecipeError
from pipeline.grid import Grid
from pipeline.stages import Stage
from pipeline.volume import Spec, Volume

Read = Callable[[Grid], Volume]
"""Reads the part of the source that lies on a grid."""

Chain = tuple[Stage, ...]


@dataclass(frozen=True)
class Plan:
    """A chain of stages over one source.

    Raises
    ------
    RecipeError
        If a stage is handed a kind of volume that it does not take.
    """

    source: Spec
    stages: Chain = ()

    def __post_init__(self) -> None:
        for stage, spec in zip(self.stages, self.specs, strict=False):
            if spec.kind not in stage.takes:
                raise RecipeError(f"{stage_name(stage)!r} does not take {spec.kind}")

    @cached_property
    def specs(self) -> tuple[Spec, ...]:
        """Before the first stage, between stages, and after the last."""
        specs = [self.source]
        for stage in self.stages:
            specs.append(stage.spec(specs[-1]))
        return tuple(specs)

    @property
    def target(self) -> Spec:
        """What comes out."""
        return self.specs[-1]

    @property
    def intensity(self) -> Plan:
        """The same source through those stages only that leave every voxel where it is.

        It makes what an image output would be if it had never been moved: the reference of its QA.
        """
        stay = [s for s, a, b in zip(self.stages, self.specs, self.specs[1:], strict=False) if a.grid == b.grid]
        return replace(self, stages=tuple(stay))

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


def run_together(plans: Mapping[str, Plan], read: Read, pieces: Mapping[str, Grid]) -> dict[str, Volume]:
    """One piece of each plan, all of one source; a prefix that several plans share is computed once.

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

    def children(prefix: Chain) -> list[Chain]:
        return [longer for longer in specs if longer and longer[:-1] == prefix]

    def walk(prefix: Chain, volume: Volume) -> None:
        made.update({n: volume.crop_to(pieces[n]) for n, plan in plans.items() if plan.stages == prefix})
        for child in children(prefix):
            stage, before = child[-1], specs[prefix]
            part = volume.crop_to(stage.reach(need[child], before))
            after = children(child)
            ramp = None
            if stage.fuses and child not in kept and len(after) == 1:
                ramp = after[0][-1].ramp(specs[child])
            try:
                if ramp is None:
                    walk(child, stage(part, need[child], before))
                else:
                    walk(after[0], stage(part, need[child], before, ramp=ramp))  # type: ignore[call-arg]
            except Exception as error:
                error.add_note(f"in stage {stage_name(stage)!r}")
                raise

    walk((), read(need.get((), source.grid)))
    return made


def peak_bytes(plans: Mapping[str, Plan]) -> int:
    """An upper bound of the memory that ``run_together`` holds at once, the source included.

    Every distinct volume on the way, as if none were let go, and once more the largest for scratch.
    """
    volumes = {plan.stages[:n]: spec.nbytes for plan in plans.values() for n, spec in enumerate(plan.specs)}
    return sum(volumes.values()) + max(volumes.values(), default=0)


def fingerprint(plans: Mapping[str, Plan], raw_sha256: str) -> str:
    """Of everything that decides the bytes of a recipe's outputs: what makes a re-run incremental.

    sha256 over the raw volume's own hash and, per kept name, each stage with its version and parameters.
    """
    outputs = {name: [_described(stage) for stage in plan.stages] for name, plan in plans.items()}
    text = json.dumps({"raw": raw_sha256, "outputs": outputs}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def stage_name(stage: Stage) -> str:
    """As a recipe spells it: the name of the stage's file."""
    return type(stage).__module__.rpartition(".")[2]


def _described(stage: Stage) -> dict[str, Any]:
    return {"use": stage_name(stage), "version": stage.version, **asdict(stage)}


def _one_source(plans: Mapping[str, Plan]) -> Spec:
    (source,) = {plan.source for plan in plans.values()}
    return source
