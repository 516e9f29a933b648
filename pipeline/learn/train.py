"""A training from the derived store to a folder that is a model; the same command again goes on, or finds it done."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import pipeline
from pipeline.errors import UsageError
from pipeline.learn.card import publish
from pipeline.learn.loop import Advance, Job, work
from pipeline.learn.state import Point, State
from pipeline.learn.subjects import Subject, split, subjects
from pipeline.models.descriptor_text import text
from pipeline.plan import described
from pipeline.recipe import Recipe
from pipeline.training import Training

STATE = "training.safetensors"
"""The state of a training, in the folder of its model."""


def train(recipe: Recipe, out: Path, to: Path, *, processes: int, device: str, advance: Advance) -> Path:
    """Train what a recipe says on what it has made in OUT; returns the model's folder, below ``to``.

    Interrupted anywhere, the same call goes on from the last saved state, to the same bits on the same machine with as
    many threads and processes.

    Raises
    ------
    RecipeError
        If the recipe says nothing of a training, or nothing was made by it.
    ModelError
        If the folder holds another training's state.
    UsageError
        If the batch cannot be shared evenly by the processes, or there are more of them than GPUs.
    """
    found = subjects(out, recipe)
    training = recipe.train
    assert training is not None  # subjects refuses a recipe without
    settings = training.settings
    if settings.batch % processes:
        raise UsageError(f"a batch of {settings.batch} cannot be shared evenly by {processes} processes")
    if device == "cuda" and processes > torch.cuda.device_count():
        raise UsageError("each process needs a GPU of its own")
    train, validation = split(found, settings.seed, settings.validation)
    folder = to / training.model.name
    job = Job(training, train, validation, digest(training, found), folder / STATE, device, processes)
    state = _done(job) or _carried_out(job, advance)
    publish(folder, training, state, len(train), len(validation))
    return folder


def digest(training: Training, found: list[Subject]) -> str:
    """Of everything that decides the weights, but for machine, threads and processes; words for people do not."""
    silent = replace(training.model, name="", summary="", licence="", training_data="", limits="")
    said = {
        "settings": asdict(training.settings),
        "model": text(silent),
        "draws": [described(draw) for draw in training.draws],
        "subjects": [[subject.patient, subject.volume_id, subject.sha256] for subject in found],
        "version": pipeline.__version__,
    }
    return sha256(json.dumps(said, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _done(job: Job) -> State | None:
    state = State.read(job.path, job.digest)
    return state if state is not None and state.step == job.training.settings.steps else None


def _carried_out(job: Job, advance: Advance) -> State:
    if job.device == "cuda":
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    if job.processes == 1:
        return work(job, 0, advance)
    with tempfile.TemporaryDirectory() as meeting:
        mp.spawn(_one_of, (job, f"file://{meeting}/meeting"), job.processes)
    state = _done(job)
    if state is None:
        raise RuntimeError("the processes ended before the last step")
    return state


def _one_of(rank: int, job: Job, meeting: str) -> None:
    """One of several processes of this machine: they meet at a file and speak over the loopback interface alone."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // job.processes))
    if job.device == "cuda":
        torch.cuda.set_device(rank)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=job.processes)
    try:
        work(job, rank, _silent)
    finally:
        dist.destroy_process_group()


def _silent(_point: Point | None, _done: int) -> None:
    """Nobody watches one of several processes; the state on disk says how far they are."""
