"""What a volume may take in a worker at most: known before it runs (law L9).

A sum over the steps, not the largest of them: what a step frees stays with the process, for the next.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.plan import Plan, peak_bytes
from pipeline.recipe import batches
from pipeline.stages import Stage
from pipeline.volume import Spec

IDLE = 400 * 2**20
"""A worker with all its libraries, before it has seen a volume."""

LABEL = 2
"""Bytes of a voxel of a label map, at most."""

WRITING = 3
"""An array in the writer's hands: copied, cut into chunks and packed, joined to a shard."""


def converting(voxels: int) -> int:
    """Reading a raw volume and writing it: stored in 16 bits, in its units in 32 at most."""
    return IDLE + voxels * (2 + 4 + WRITING * 4)


def processing(plans: Mapping[str, Plan], labels: int = 0) -> int:
    """A recipe's outputs of a raw volume that is in memory: computing all, measuring and writing one at a time.

    Samples are made one after another.  ``labels`` is how many label maps of the source follow.
    """
    return IDLE + max(_batch(batch, labels) for batch in batches(plans))


def _batch(plans: Mapping[str, Plan], labels: int) -> int:
    measuring = max(_measuring(plan, plan.source) for plan in plans.values())
    writing = WRITING * max(plan.target.nbytes for plan in plans.values())
    grids = {plan.target.grid for plan in plans.values()}
    following = labels * LABEL * (sum(grid.size for grid in grids) + next(iter(plans.values())).source.grid.size)
    return peak_bytes(plans) + measuring + writing + following


def _measuring(plan: Plan, source: Spec) -> int:
    """The output as float32 and a mask; the reference; both in 16 bits, and one of them on both grids.

    After several moves (a fit may become one) what is fill is weighed in float32, on both grids.
    """
    several = sum(not isinstance(step, Stage) or step.moves for step in plan.stages) > 1
    weights = 4 * several
    output = plan.target.grid.size * (4 + 1 + 2 + weights)
    return output + source.grid.size * (plan.target.dtype.itemsize + 2 + 2 + weights)
