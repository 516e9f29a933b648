"""Samples: every draw of a plan drawn, by a generator that is keyed and never shared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from pipeline.draws import Draw
from pipeline.plan import Chain, Plan, stage_name
from pipeline.volume import Spec


@dataclass(frozen=True)
class Augment:
    """How many samples of every volume, and the seed of all of them.

    Raises ValueError for fewer than 1 or more than 1000 samples, or a negative seed.
    """

    samples: int
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= 1000:
            raise ValueError("samples must be 1 to 1000")
        if self.seed < 0:
            raise ValueError("seed must be a whole number of at least 0")

    @property
    def names(self) -> list[str]:
        """``s000``, ``s001``, ... below every kept name."""
        return [f"s{n:03d}" for n in range(self.samples)]


def sampled(plan: Plan, seed: int, volume_id: str, sample: str) -> Plan:
    """One sample of a plan.

    The n-th draw of a name draws the same numbers in every chain of that sample, so that an image and a
    label map that is moved beside it stay together.
    """
    masks = tuple((name, _drawn(plan.mask(name), seed, volume_id, sample)) for name, _ in plan.masks)
    return replace(plan, stages=_drawn(plan, seed, volume_id, sample), masks=masks)


def _drawn(plan: Plan, seed: int, volume_id: str, sample: str) -> Chain:
    chain = []
    seen: Counter[str] = Counter()
    for step, spec in zip(plan.stages, plan.specs, strict=False):
        stage = step
        if isinstance(step, Draw):
            name = stage_name(step)
            stage = _stage(step, spec, f"{seed}/{volume_id}/{sample}/{name}/{seen[name]}")
            seen[name] += 1
        if stage is not None:
            chain.append(stage)
    return tuple(chain)


def _stage(draw: Draw, spec: Spec, key: str) -> object:
    """Philox4x64 (Salmon et al., SC 2011) under 128 bits of the key's SHA-256: no order, no shared state."""
    bits = int.from_bytes(sha256(key.encode()).digest()[:16])
    return draw.draw(np.random.Generator(np.random.Philox(key=bits)), spec)
