"""The one Predictor of a worker: a network that stays in memory, and the patches of whoever runs there, in batches.

Patches of several volumes fill one batch.  A batch has one shape, always, filled up with zeros, so that what comes out
of a patch does not depend on its neighbours; how long a batch waits to be filled changes its time alone.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations
from queue import Empty, Full, Queue

import numpy as np
import torch

from pipeline.errors import Quarantine
from pipeline.models import weights
from pipeline.models.device import Precision, reduced
from pipeline.models.fused import fused
from pipeline.models.library import Model
from pipeline.models.unet import UNet
from pipeline.reasons import Reason

ON_CPU = 1
"""Patches in a batch there: more are hardly faster, and what is filled up with zeros costs as much as a patch
(benchmarks/inference.py)."""

PATIENCE = 0.02
"""Seconds at most that a batch which is not full waits for another patch."""


@dataclass(frozen=True)
class _Asked:
    patch: np.ndarray
    answer: Future[np.ndarray]


class Predictor:
    """Logits of patches, by one thread, whoever asks.

    Parameters
    ----------
    name : of the model
    network : (n, channel, k, j, i) to (n, class, k, j, i), float32, on the device
    batch : patches in a batch
    mirror : axes (0, 1, 2 for k, j, i): logits are the mean over all mirrorings along them, turned back
    precision : of the arithmetic; what comes out is float32.  ``auto``: bfloat16 on a GPU, float32 on a CPU

    Logits that are no numbers, as float16 may make them, are answered by Quarantine (MODEL_OVERFLOW).

    Where memory does not suffice the batch is halved for as long as the Predictor lives, and ``batch`` says so; where
    it does not suffice for a single patch, the answer is MemoryError.
    """

    def __init__(
        self,
        name: str,
        network: torch.nn.Module,
        classes: int,
        batch: int,
        mirror: Sequence[int] = (),
        precision: Precision = "auto",
        where: str = "cpu",
    ) -> None:
        self.name, self.network, self.classes, self.batch = name, network, classes, batch
        self.where = torch.device(where)
        name = ("bfloat16" if self.where.type == "cuda" else "float32") if precision == "auto" else precision
        self.dtype: torch.dtype = getattr(torch, name)
        axes = [axis + 2 for axis in mirror]
        self.mirrorings = [*chain.from_iterable(combinations(axes, n) for n in range(len(axes) + 1))]
        self.waiting: Queue[_Asked | None] = Queue(maxsize=4 * batch)
        threading.Thread(target=_serve, args=(weakref.ref(self), self.waiting), daemon=True, name="predictor").start()
        weakref.finalize(self, _end, self.waiting)

    @property
    def ahead(self) -> int:
        """Patches that one volume may have asked for before it takes an answer: two batches."""
        return 2 * self.batch

    def submit(self, patch: np.ndarray) -> Future[np.ndarray]:
        """A patch, float32 ``[channel, k, j, i]``, to its logits, float32 ``[class, k, j, i]``, in a while.

        Waits while four batches are waiting.
        """
        answer: Future[np.ndarray] = Future()
        self.waiting.put(_Asked(patch, answer))
        return answer

    def serve(self, first: _Asked) -> None:
        """Answer a patch, and what comes soon enough to share its batch."""
        asked = [first]
        while len(asked) < self.batch:
            try:
                one = self.waiting.get(timeout=PATIENCE)
            except Empty:
                break
            if one is not None:
                asked.append(one)
        self._answer(asked)

    def _answer(self, asked: list[_Asked]) -> None:
        """Answers are numbers or what went wrong: this thread serves others after it."""
        try:
            while asked:
                now, asked = asked[: self.batch], asked[self.batch :]
                try:
                    logits = self.logits([one.patch for one in now])
                except (MemoryError, RuntimeError) as error:
                    if not _out_of_memory(error):
                        raise
                    if self.batch == 1:
                        raise MemoryError("the network needs more memory than there is for one patch") from None
                    self.batch //= 2
                    reduced[self.name] = self.batch
                    asked = now + asked
                    _give_back(self.where)
                    continue
                for one, logit in zip(now, logits, strict=False):
                    one.answer.set_result(logit)
        except Exception as error:
            for one in (*now, *asked):
                if not one.answer.done():
                    one.answer.set_exception(error)

    def logits(self, patches: Sequence[np.ndarray]) -> np.ndarray:
        """Of at most a batch of patches, float32 ``[patch, class, k, j, i]``; the rest of the batch is zeros."""
        filled = np.zeros((self.batch, *patches[0].shape), np.float32)
        filled[: len(patches)] = patches
        with torch.inference_mode(), torch.autocast(self.where.type, self.dtype, self.dtype != torch.float32):
            x = torch.from_numpy(filled).to(self.where)
            total = self.network(x).float()
            for axes in self.mirrorings[1:]:
                total += self.network(x.flip(axes)).float().flip(axes)
            total /= len(self.mirrorings)
        made: np.ndarray = total[: len(patches)].cpu().numpy()
        if not np.isfinite(made).all():
            raise Quarantine(Reason.MODEL_OVERFLOW)
        return made


def _serve(served: weakref.ref[Predictor], waiting: Queue[_Asked | None]) -> None:
    """The thread of a Predictor.  It keeps none alive: a network that nobody asks any more is let go."""
    while True:
        first = waiting.get()
        predictor = served()
        if first is None or predictor is None:
            return
        predictor.serve(first)
        del first, predictor  # else they live on while it waits


def _end(waiting: Queue[_Asked | None]) -> None:
    """Wake the thread of a Predictor that is gone; where patches still wait it will wake by itself."""
    with suppress(Full):
        waiting.put_nowait(None)


@lru_cache(maxsize=4)
def resident(model: Model, mirror: bool, precision: Precision, where: str) -> Predictor:
    """The Predictor of a model in this process; it is loaded once.  ``where``: see ``device.chosen``.

    Raises ModelError where the weights are not what the descriptor says.
    """
    said = model.descriptor
    if said.network is None:
        raise RuntimeError("a model without a topology does not slide")
    network = weights.network(model).to(where)
    if where == "cpu" and precision in ("auto", "float32") and isinstance(network, UNet):
        network = fused(network)
    batch = min(said.batch, ON_CPU) if where == "cpu" else said.batch
    axes = said.mirror if mirror else ()
    return Predictor(said.name, network, said.network.classes, batch, axes, precision, where)


def _out_of_memory(error: Exception) -> bool:
    """torch says it by a class of its own on a GPU, and by a sentence on a CPU."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _give_back(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.empty_cache()
