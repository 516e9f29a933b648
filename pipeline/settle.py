"""Fits become stages: what had to be seen first is seen, and the plans that are left can run.

With blocks smaller than the volume a fit sees one block after another; any blocking gives the same stages
(law L11).  Where the block is the whole volume, what a fit looked at is kept and not computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from operator import add
from typing import Any

from pipeline.fits import ArchiveFit, Fit
from pipeline.grid import Grid
from pipeline.plan import Chain, Plan, Read, run_together, stage_name, within
from pipeline.stages import Stage
from pipeline.volume import Volume


def settle(
    plans: Mapping[str, Plan], read: Read, block: Sequence[int] | None = None
) -> tuple[dict[str, Plan], dict[Chain, Volume]]:
    """``(plans of stages alone, whole volumes that were made on the way)``, for ``run_together``.

    Equal fits of equal prefixes are fitted once.  ``block`` is the most that is looked at together, voxels
    along k, j, i; None: the whole volume.

    Raises Quarantine where a fit cannot be made of these voxels.
    """
    settling = _Settling(read, block)
    settled = {name: replace(plan, stages=settling.chain(plan), masks=()) for name, plan in plans.items()}
    return settled, settling.known


def digest(plans: Mapping[str, Plan], read: Read, block: Sequence[int] | None = None) -> dict[str, Any]:
    """What one volume adds to the archive: each plan ends in an ArchiveFit.  Raises Quarantine as ``settle``."""
    settling = _Settling(read, block)
    found = {}
    for name, plan in plans.items():
        fit: ArchiveFit = plan.stages[-1]
        looked_at, mask = settling.before(fit, plan, settling.chain(replace(plan, stages=plan.stages[:-1])))
        found[name] = fit.digest(settling.total(fit, looked_at, mask), looked_at.target)
    return found


@dataclass
class _Settling:
    """The fits found so far, by the chain that leads to them and what they look within."""

    read: Read
    block: Sequence[int] | None
    found: dict[Any, Stage] = field(default_factory=dict)
    known: dict[Chain, Volume] = field(default_factory=dict)

    def chain(self, plan: Plan) -> Chain:
        """The steps of a plan, each fit replaced by its stage."""
        done: Chain = ()
        for step in plan.stages:
            stage = self._stage(step, *self.before(step, plan, done)) if isinstance(step, Fit) else step
            done = (*done, stage)
        return done

    def before(self, fit: Fit, plan: Plan, done: Chain) -> tuple[Plan, Plan | None]:
        """What a fit of a plan looks at, and what it looks within."""
        name = within(fit)
        mask = None if name is None else replace(plan, stages=self.chain(plan.mask(name)), masks=())
        return replace(plan, stages=done, masks=()), mask

    def total(self, fit: Fit, looked_at: Plan, mask: Plan | None) -> Any:
        """The sum over all blocks, of both passes where there are two."""
        spec = looked_at.target
        blocks = [spec.grid] if self.block is None else spec.grid.blocks(self.block)

        def summed(seen: Callable[..., Any]) -> Any:
            made = ((self._made(looked_at, piece), self._made(mask, piece) if mask else None) for piece in blocks)
            return reduce(add, (seen(*volumes, spec) for volumes in made))

        total = summed(fit.tally)
        return total if type(fit).detail is Fit.detail else total + summed(partial(fit.detail, total))

    def _stage(self, fit: Fit, looked_at: Plan, mask: Plan | None) -> Stage:
        at = (looked_at.stages, fit, None if mask is None else mask.stages)
        if at not in self.found:
            try:
                self.found[at] = fit.stage(self.total(fit, looked_at, mask), looked_at.target)
            except Exception as error:
                error.add_note(f"in fit {stage_name(fit)!r}")
                raise
        return self.found[at]

    def _made(self, plan: Plan, piece: Grid) -> Volume:
        if plan.stages in self.known:
            return self.known[plan.stages]
        volume = run_together({"": plan}, self.read, {"": piece}, self.known)[""]
        if self.block is None and plan.stages:
            self.known[plan.stages] = volume
        return volume
