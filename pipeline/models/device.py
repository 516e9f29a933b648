"""Where networks run, decided once a process; without torch until it is asked."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Literal

from pipeline.errors import ModelError

Precision = Literal["auto", "float32", "bfloat16", "float16"]

VARIABLE = "SCANMILL_DEVICE"
"""``auto``, ``cpu`` or ``gpu``: workers inherit it."""


LIBRARY = 128 * 2**20
"""Bytes of torch, of what is compiled for a first batch, beyond what a worker without them is counted for."""

reduced: dict[str, int] = {}
"""Patches in a batch of a model, by its name, where memory did not suffice for what its descriptor says."""


def installed() -> None:
    """Raises ModelError where what networks need is not installed."""
    if any(find_spec(name) is None for name in ("torch", "safetensors")):
        raise ModelError("networks need torch and safetensors: pip install 'scanmill[models]'")


def chosen() -> str:
    """torch's name of the device: ``cuda`` where there is one and it is not refused, else ``cpu``.

    Raises ModelError where torch is not there, or a GPU is asked for and none is.
    """
    installed()
    import torch

    wanted = os.environ.get(VARIABLE, "auto")
    if wanted not in ("auto", "cpu", "gpu"):
        raise ModelError(f"{VARIABLE} must be auto, cpu or gpu")
    there = torch.cuda.is_available()
    if wanted == "gpu" and not there:
        raise ModelError("no GPU that torch can use is here: say --device cpu")
    if not there or wanted == "cpu":
        return "cpu"
    # Results depend neither on which algorithm happened to be fastest, nor on a shorter mantissa.
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return "cuda"
