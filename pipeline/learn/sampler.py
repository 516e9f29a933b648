"""Patches to train on.  A sample is a function of (seed, step, slot): no state, no order, no worker.

::

    which volume, where      a generator keyed by (seed, step, slot)
    how it is augmented      the draws of the recipe, keyed alike; what they look at is read from the store, no more
    what the network sees    the ramp of the model's own descriptor, as at inference

        |-------- what a draw may look at --------|     three patches long
                      |-- patch --|                     turned, scaled and bent about its centre
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from pipeline.draws import Draw
from pipeline.grid import Grid
from pipeline.kernels.intensity import ramp as normalise
from pipeline.kernels.ramp import Ramp
from pipeline.learn.places import margins, placed
from pipeline.learn.subjects import Subject
from pipeline.models.intensity import Fixed, Intensity
from pipeline.plan import Plan, Read
from pipeline.sampling import sampled
from pipeline.store import omezarr
from pipeline.training import Training
from pipeline.volume import Spec, Volume


@dataclass(frozen=True)
class Sampler:
    """The samples of a training over some subjects; the last slots of a step are centred on a structure."""

    training: Training
    subjects: tuple[Subject, ...]

    def batch(self, step: int, slots: range) -> tuple[np.ndarray, np.ndarray]:
        """Some slots of a step: float32 ``[n, 1, k, j, i]`` and the classes, int64 ``[n, k, j, i]``."""
        images, labels = zip(*(self.sample(step, slot) for slot in slots), strict=True)
        return np.stack(images), np.stack(labels).astype(np.int64)

    def sample(self, step: int, slot: int) -> tuple[np.ndarray, np.ndarray]:
        """One slot of a step: what the network sees, float32 ``[1, k, j, i]``; the classes, ``[k, j, i]``."""
        key = f"{step}/{slot}"
        rng = _generator(f"{self.training.settings.seed}/patch/{key}")
        subject = self.subjects[int(rng.random() * len(self.subjects))]
        patch = placed(rng, subject, self.training.model, centred=self._centred(slot))
        ramp = _ramp(subject.image, self.training.model.intensity)
        draws = self.training.draws
        image, _ = self._made(subject, subject.image, patch, draws, key, ramp.base)
        following = tuple(draw for draw in draws if "labels" in draw.takes)
        labels, plan = self._made(subject, subject.labels, patch, following, key, 0)
        classes = labels.array
        if _mirrored(plan, subject.grid):
            classes = _exchanged(classes, self.training.settings.swap)
        return normalise(image.array, ramp)[None], classes

    def _centred(self, slot: int) -> bool:
        """As nnU-Net: of a batch, the last round(batch * share) patches, and one at least where there is a share."""
        settings = self.training.settings
        centred = max(round(settings.batch * settings.foreground), int(settings.foreground > 0))
        return slot >= settings.batch - centred

    def _made(
        self, subject: Subject, path: Path, patch: Grid, draws: tuple[Draw, ...], key: str, beyond: float
    ) -> tuple[Volume, Plan]:
        """A patch of an array as the draws of a sample make it, and how."""
        stored = omezarr.stored(path)
        around = margins(patch.shape)
        plan = Plan(Spec(patch.pad(around), stored.kind, stored.dtype), draws)
        plan = sampled(plan, self.training.settings.seed, subject.volume_id, key)
        piece = plan.target.grid.pad([-n for n in around])
        return plan.run(_reader(path, stored, beyond), piece), plan


def _generator(key: str) -> np.random.Generator:
    """Philox4x64 (Salmon et al., SC 2011) under 128 bits of the key's SHA-256, as ``pipeline.sampling`` keys draws."""
    return np.random.Generator(np.random.Philox(key=int.from_bytes(sha256(key.encode()).digest()[:16])))


def _reader(path: Path, stored: Spec, beyond: float) -> Read:
    """Reads from the store what is asked for; beyond the volume lies ``beyond``, which the ramp of an image makes 0.

    So does a window that sticks out at inference, see ``models.windows.cut``.
    """

    def read(piece: Grid) -> Volume:
        inside = stored.grid.clip(piece)
        if inside == piece and piece.size:
            return omezarr.piece(path, piece)
        array = np.full(piece.shape, _fitting(beyond, stored.dtype))
        if inside.size:
            array[piece.slices(inside)] = omezarr.piece(path, inside).array
        return Volume(array, piece, stored.kind)

    return read


def _fitting(value: float, dtype: np.dtype) -> np.generic:
    if dtype.kind == "f":
        return dtype.type(value)
    info = np.iinfo(dtype)
    return dtype.type(min(max(round(value), info.min), info.max))


@lru_cache(maxsize=4096)
def _ramp(image: Path, rule: Intensity) -> Ramp:
    """That of a whole volume, which is read where the rule asks for its voxels."""
    return rule.ramp(np.zeros(0) if isinstance(rule, Fixed) else omezarr.read(image).array)


def _mirrored(plan: Plan, grid: Grid) -> bool:
    """Whether a sample shows the right side on the left: it is mirrored along the axis nearest to x, oddly often."""
    across = max(range(3), key=lambda axis: abs(grid.frame[0][axis]) / grid.spacing[axis])
    return sum(stage.mirror[across] for stage in plan.stages if hasattr(stage, "mirror")) % 2 == 1


def _exchanged(classes: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Labels with the values of each pair in each other's place."""
    table = np.arange(np.iinfo(classes.dtype).max + 1, dtype=classes.dtype)
    for a, b in pairs:
        table[[a, b]] = table[[b, a]]
    return table[classes]
