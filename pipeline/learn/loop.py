"""The loop: stochastic gradient descent over the samples of every step, on one process or several.

Nesterov's momentum, a polynomial schedule, deep supervision and gradients clipped, as nnU-Net (Isensee et al., Nature
Methods 18, 2021).  What a process needs to go on is the number of the step: samples are a function of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.learn.losses import CrossEntropy, Deep, Dice, Focal, Loss, Sum
from pipeline.learn.sampler import Sampler
from pipeline.learn.state import Point, State
from pipeline.learn.subjects import Subject
from pipeline.learn.validate import dice
from pipeline.models.unet import UNet
from pipeline.training import Training

AHEAD = 2
"""Batches that are made while the network is busy with another."""

Advance = Callable[[Point | None, int], None]
"""Called after every step with how many are done; with a point where one was measured."""


@dataclass(frozen=True)
class Job:
    """What is to be trained, by how many processes, and where its state is kept.

    Attributes
    ----------
    train, validation : subjects
    digest : names the training with everything that decides its weights
    path : of the state
    device : ``cpu`` or ``cuda``; of several processes each takes a GPU of its own
    processes : that share every batch evenly
    """

    training: Training
    train: tuple[Subject, ...]
    validation: tuple[Subject, ...]
    digest: str
    path: Path
    device: str = "cpu"
    processes: int = 1


def work(job: Job, rank: int, advance: Advance) -> State:
    """The part of one process, from the state that is on disk to the last step; rank 0 writes.

    Raises ModelError where the state on disk is of another training.
    """
    settings, model = job.training.settings, job.training.model
    if model.network is None:
        raise RuntimeError("a model without a topology cannot be trained")
    device = torch.device(f"cuda:{rank}" if job.device == "cuda" else "cpu")
    network = UNet(model.network, deep_supervision=True)
    network.initialise(torch.Generator().manual_seed(settings.seed))
    # Up to twice as fast on a CPU; torch's own annotations do not know the keyword.
    network.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(
        network.parameters(),
        settings.learning_rate,
        settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.momentum > 0,
    )
    state = State.read(job.path, job.digest)
    if state is not None:
        state.into(network, optimiser)
    begun, points = (0, ()) if state is None else (state.step, state.points)
    trained: nn.Module = network if job.processes == 1 else DistributedDataParallel(network)
    criterion = Deep(_loss(job.training))
    half = device.type == "cuda" and torch.cuda.is_bf16_supported()
    share = settings.batch // job.processes
    losses: list[float] = []
    network.train()
    for step, (image, labels) in _batches(job, range(rank * share, (rank + 1) * share), begun):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate(step)
        with torch.autocast(device.type, torch.bfloat16, half):
            logits = trained(torch.from_numpy(image).to(device, memory_format=torch.channels_last_3d))
        loss = criterion(logits, torch.from_numpy(labels).to(device))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
        optimiser.step()
        losses.append(_mean(loss.detach(), job.processes))
        done, point = step + 1, None
        if done % settings.every == 0 or done == settings.steps:
            point = Point(done, sum(losses) / len(losses), _validated(job, network, device, rank))
            points, losses = (*points, point), []
            state = State.of(job.digest, done, points, network, optimiser)
            if rank == 0:
                state.write(job.path)
        advance(point, done)
    if state is None:
        raise RuntimeError("a training of no steps")
    return state


def _loss(training: Training) -> Loss:
    """Dice of each patch by itself, so that a batch may be cut among processes, and what is added to it."""
    other: Loss = CrossEntropy() if training.settings.loss == "dice-cross-entropy" else Focal()
    return Sum(((1.0, Dice(batch=False)), (1.0, other)))


def _batches(job: Job, slots: range, begun: int) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    """(step, samples of the slots) of every step that is left; the next ones are made by a thread meanwhile."""
    sampler, steps = Sampler(job.training, job.train), job.training.settings.steps
    with ThreadPoolExecutor(AHEAD) as pool:
        asked: dict[int, Future[tuple[np.ndarray, np.ndarray]]] = {}
        for step in range(begun, steps):
            for ahead in range(step, min(step + AHEAD + 1, steps)):
                if ahead not in asked:
                    asked[ahead] = pool.submit(sampler.batch, ahead, slots)
            yield step, asked.pop(step).result()


def _validated(job: Job, network: UNet, device: torch.device, rank: int) -> dict[str, float]:
    """Measured by the first process, while the others wait for it at their next step."""
    if rank or not job.validation:
        return {}
    network.eval()
    found = dice(network, job.training.model, job.validation, device)
    network.train()
    return found


def _mean(loss: Tensor, processes: int) -> float:
    if processes > 1:
        dist.all_reduce(loss)
    return float(loss) / processes
