"""Networks of a few lines, for tests: what they answer is known."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

import numpy as np

from pipeline.models.descriptor import Descriptor, Lattice, Weights
from pipeline.models.intensity import Fixed, Intensity
from pipeline.models.topology import Topology
from pipeline.structure import Structure


class Uneven:
    """Logits that depend on the place in the patch: wherever windows overlap, they disagree."""

    ahead = 2

    def __init__(self, classes: int = 3, seed: int = 0) -> None:
        self.classes, self.seed, self.seen = classes, seed, 0

    def submit(self, patch: np.ndarray) -> Future[np.ndarray]:
        self.seen += 1
        rng = np.random.default_rng(self.seed)
        gain = rng.normal(size=(self.classes, *patch.shape[1:])).astype(np.float32)
        answer: Future[np.ndarray] = Future()
        answer.set_result(gain * patch + np.float32(0.1) * rng.normal(size=gain.shape).astype(np.float32))
        return answer


class Pointwise:
    """Class 1 above 0, class 2 above 1, whatever lies around."""

    ahead, classes = 1, 3

    def submit(self, patch: np.ndarray) -> Future[np.ndarray]:
        answer: Future[np.ndarray] = Future()
        x = patch[0]
        answer.set_result(np.stack([0 * x, x, 2 * x - 1]).astype(np.float32))
        return answer


TINY = Topology(3, (4, 8), ((3, 3, 3),) * 2, ((1, 1, 1), (2, 2, 2)), (1, 1), (1,))


def descriptor(
    lattice: Lattice | None = None,
    patch: tuple[int, int, int] = (8, 8, 8),
    intensity: Intensity | None = None,
    **more: object,
) -> Descriptor:
    made = Descriptor(
        name="tiny",
        summary="A network for tests.",
        modalities=("CT",),
        units="HU",
        structures=(Structure(1, "one"), Structure(2, "two")),
        weights=Weights("safetensors", {"weights.safetensors": "0" * 64}),
        licence="Apache-2.0",
        training_data="none",
        limits="none",
        intensity=intensity or Fixed(-1000, 1000, 0, 100),
        patch=patch,
        network=TINY,
        grid=lattice or Lattice(),
    )
    return replace(made, **more)  # type: ignore[arg-type]
