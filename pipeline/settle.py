"""Fits become stages: what had to be seen first is seen, and the plans that are left can run.

With blocks smaller than the volume a fit sees one block after another; any blocking gives the same stages
(law L11).  Where the block is the whole volume, what a fit looked at is kept and not computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.fits import Fit
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
            if isinstance(step, Fit):
                name = within(step)
                mask = None if name is None else replace(plan, stages=self.chain(plan.mask(name)), masks=())
                step = self._stage(step, replace(plan, stages=done, masks=()), mask)
            done = (*done, step)
        return done

    def _stage(self, fit: Fit, looked_at: Plan, mask: Plan | None) -> Stage:
        at = (looked_at.stages, fit, None if mask is None else mask.stages)
        if at not in self.found:
            try:
                self.found[at] = self._fitted(fit, looked_at, mask)
            except Exception as error:
                error.add_note(f"in fit {stage_name(fit)!r}")
                raise
        return self.found[at]

    def _fitted(self, fit: Fit, looked_at: Plan, mask: Plan | None) -> Stage:
        spec = looked_at.target
        blocks = [spec.grid] if self.block is None else spec.grid.blocks(self.block)

        def total(passed: Any) -> Any:
            found = None
            for piece in blocks:
                volume = self._made(looked_at, piece)
                shown = None if mask is None else self._made(mask, piece)
                seen = passed(volume, shown, spec)
                found = seen if found is None else found + seen
            return found

        first = total(fit.tally)
        second = None if type(fit).detail is Fit.detail else total(lambda *seen: fit.detail(first, *seen))
        return fit.stage(first if second is None else first + second, spec)

    def _made(self, plan: Plan, piece: Grid) -> Volume:
        if plan.stages in self.known:
            return self.known[plan.stages]
        volume = run_together({"": plan}, self.read, {"": piece}, self.known)[""]
        if self.block is None and plan.stages:
            self.known[plan.stages] = volume
        return volume
