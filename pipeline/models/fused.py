"""A U-Net for inference on a CPU, by kernels of ours in place of torch's.

Convolutions of stride 1 go by Winograd's tiles, others directly, norm and LeakyReLU by one sweep; what is concatenated
is read from where it lies.  What these kernels compute depends neither on the batch, nor on the number of threads, nor
on the make of the CPU.  (Depthwise convolutions, and the mean of a residual block's shortcut, stay torch's.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.kernels import channel_norm, winograd
from pipeline.kernels.direct import Direct
from pipeline.kernels.winograd import Winograd
from pipeline.models.unet import Block, UNet


def fused(network: UNet) -> UNet:
    """A network that does what ``network`` does, float32, on the CPU, for inference alone."""
    made = deepcopy(network)
    if not made.topology.separable:
        made.join = _Beside()
    for parent in list(made.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Block):
                setattr(parent, name, nn.Sequential(child.conv, Normalise(child)))
    for parent in list(made.modules()):
        for name, child in list(parent.named_children()):
            filters = _filters(child)
            if filters is not None:
                setattr(parent, name, Convolve(filters))
    return made


class Convolve(nn.Module):
    """What a ``Conv3d`` or ``ConvTranspose3d`` does; of several tensors as if they were concatenated."""

    def __init__(self, filters: Direct | Winograd) -> None:
        super().__init__()
        self.filters = filters

    def forward(self, x: Tensor | tuple[Tensor, ...]) -> Tensor:
        parts = [part.contiguous().numpy() for part in (x if isinstance(x, tuple) else (x,))]
        shape = self.filters.shape(parts[0].shape[2:])
        made = torch.empty((len(parts[0]), len(self.filters.bias), *shape))
        spans = _spans(shape[0], self.filters.step)
        for *sample, out in zip(*parts, made.numpy(), strict=True):
            laid = self.filters.laid(sample)
            _all(self.filters.convolve, ((laid, out, span) for span in spans))
        return made


class Normalise(nn.Module):
    """What norm and activation of a ``Block`` do, in place."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        norm = block.norm
        together = norm.num_channels // norm.num_groups if isinstance(norm, nn.GroupNorm) else 1
        gain, offset = (p.detach().numpy().astype(np.float64) for p in (norm.weight, norm.bias))
        slope = getattr(block.act, "negative_slope", 1.0)
        self.norm = channel_norm.Norm(gain, offset, norm.eps, together, slope)

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous()
        spans = _spans(x.shape[1], self.norm.together)
        _all(channel_norm.normalise, ((sample, self.norm, span) for sample in x.numpy() for span in spans))
        return x


class _Beside(nn.Module):
    def forward(self, up: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        return up, skip


def _filters(module: nn.Module) -> Direct | Winograd | None:
    """None for what stays torch's."""
    if not isinstance(module, nn.Conv3d | nn.ConvTranspose3d) or module.groups > 1:
        return None
    weight = module.weight.detach().numpy()
    bias = None if module.bias is None else module.bias.detach().numpy()
    if isinstance(module, nn.ConvTranspose3d):
        return Direct.transposed(weight, bias)
    k, j, i = module.stride
    if (k, j, i) == (1, 1, 1) and winograd.suits(module.kernel_size):
        return Winograd.of(weight, bias)
    return Direct.of(weight, bias, (k, j, i))


def _spans(count: int, step: int) -> list[tuple[int, int]]:
    """``range(count)`` in as many spans as torch may use threads, cut at multiples of ``step``."""
    threads = torch.get_num_threads()
    ends = [min(count, n * -(-count // step) // threads * step) for n in range(threads)] + [count]
    return [(a, b) for a, b in pairwise(ends) if a < b]


def _all(work: Callable[..., None], jobs: Iterable[tuple[object, ...]]) -> None:
    threads = torch.get_num_threads()
    if threads == 1:
        for job in jobs:
            work(*job)
    else:
        for done in [_hands(threads).submit(work, *job) for job in jobs]:
            done.result()


@lru_cache(maxsize=1)
def _hands(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="fused")


os.register_at_fork(after_in_child=_hands.cache_clear)
