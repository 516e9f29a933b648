"""A U-Net on a GPU: is what it says the CPU's, and how many patches a second it sees.

Every precision is held to the labels of float32 on the CPU; on random weights, whose classes border one another
everywhere, so that a trained network agrees better.  Predictions for an H100, written before anything ran, for patches
of 96^3 and 32 to 320 channels: float32 20 to 40 a second, bfloat16 100 to 250, a fifth more with channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from benchmarks.gpu.machine import Cpu, Gpu
from pipeline.models.topology import Topology

PRECISIONS = ("float32", "bfloat16", "float16")
BATCHES = (1, 2, 4)
CLOSE = {"float32": 1e-3, "bfloat16": 0.3, "float16": 0.05}
"""The most by which a logit may differ, beside the largest of all."""
AGREED = {"float32": 0.9999, "bfloat16": 0.98, "float16": 0.995}
"""The least share of voxels whose label is that of float32."""


def topology(widths: tuple[int, ...]) -> Topology:
    """As nnU-Net plans it for cubes: 3 x 3 x 3, strides of 2, two convolutions a stage."""
    n = len(widths)
    return Topology(3, widths, ((3, 3, 3),) * n, ((1, 1, 1), *[(2, 2, 2)] * (n - 1)), (2,) * n, (2,) * (n - 1))


def cases(machine: Cpu, smoke: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Names, and what makes the row of each."""
    import torch

    from pipeline.models.unet import UNet

    where = "cuda" if isinstance(machine, Gpu) else "cpu"
    widths, side = ((4, 8), 8) if smoke else ((32, 64, 128, 256, 320), 96)
    net = UNet(topology(widths))
    net.initialise(torch.Generator().manual_seed(0))
    net.eval().requires_grad_(False)
    x = np.random.default_rng(0).standard_normal((max(BATCHES), 1, *[side] * 3), np.float32)
    with torch.inference_mode():
        wanted = net(torch.from_numpy(x[:1]))[0].numpy()
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    shapes = {"": torch.contiguous_format, ", channels last": torch.channels_last_3d}
    for precision, (layout, form), batch in product(PRECISIONS, shapes.items(), BATCHES):

        def row(precision: str = precision, form: Any = form, batch: int = batch) -> dict[str, Any]:
            moved = net.to(where, memory_format=form)
            patches = torch.from_numpy(x[:batch]).to(where, memory_format=form)

            def run() -> np.ndarray:
                with torch.inference_mode(), torch.autocast(where, getattr(torch, precision), precision != "float32"):
                    made: np.ndarray = moved(patches).float().cpu().numpy()
                return made

            first = run()
            told = compared(precision, wanted, first[0])
            same = bool(np.array_equal(first, run()))
            told["passed"] = told["passed"] and same
            return {**told, "repeats_bits": same, "patches_s": 1e3 * batch / machine.call_ms(run, 1 if smoke else 5)}

        yield f"{precision}{layout}, batch {batch}", row


def compared(precision: str, wanted: np.ndarray, made: np.ndarray) -> dict[str, Any]:
    """Logits ``[class, k, j, i]`` against those of float32 on the CPU."""
    error = float(abs(made - wanted).max())
    agreed = float((made.argmax(0) == wanted.argmax(0)).mean())
    passed = error <= CLOSE[precision] * float(abs(wanted).max()) and agreed >= AGREED[precision]
    return {"error": error, "agreed": agreed, "passed": passed}
