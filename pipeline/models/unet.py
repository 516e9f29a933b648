"""The U-Net (Ronneberger et al. 2015; in 3-D Çiçek et al. 2016), made from a ``Topology``.

::

    x -> encoder.0 ----------------- concatenated --> decoder.0 -> heads.0    finest grid
            | strided                                    ^ up.0
         encoder.1 ------------- concatenated --> decoder.1 -> heads.1        by strides[1]
            | strided                                ^ up.1
         encoder.2 ----------------------------------+                        by strides[1] * strides[2]

A convolution is followed by a norm and a LeakyReLU; the first of a stage is strided; a transposed convolution whose
kernel is its stride leads back up; a 1 x 1 x 1 convolution makes logits.  This is the plain U-Net of nnU-Net (Isensee
et al. 2021), or with ``residual`` its residual encoder (Isensee et al. 2024), so that their weights fit.

Names of modules are keys of the weights.  All of them count stages from the finest, which is 0.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn

from pipeline.grid import Triple
from pipeline.models.topology import Topology

SLOPE = 0.01
"""Of LeakyReLU below 0 (Isensee et al. 2021)."""

EPS = 1e-5
"""Added to the variance by a norm."""

GROUP = 8
"""Channels of a group of the group norm (Wu & He 2018)."""

POINT: Triple = (1, 1, 1)


class UNet(nn.Module):
    """Logits of every voxel.

    Parameters
    ----------
    topology : what it is made of
    deep_supervision : while it is trained, logits of every stage of the decoder come out (Lee et al. 2015)
    """

    def __init__(self, topology: Topology, deep_supervision: bool = False) -> None:
        super().__init__()
        t, widths = topology, topology.widths
        self.topology = topology
        self.deep_supervision = deep_supervision
        self.stem = Block(t, t.channels, widths[0], t.kernels[0], dense=True) if t.residual else nn.Identity()
        self.encoder = nn.ModuleList(_down(t, stage) for stage in range(len(widths)))
        finer = range(len(t.decoder))
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(widths[s + 1], widths[s], t.strides[s + 1], t.strides[s + 1]) for s in finer
        )
        self.decoder = nn.ModuleList(_stack(t, 2 * widths[s], widths[s], t.kernels[s], t.decoder[s]) for s in finer)
        self.heads = nn.ModuleList(nn.Conv3d(widths[s], t.classes, 1) for s in (finer or [0]))
        self.join: nn.Module = Join()

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """``x (n, channels, k, j, i)``, k, j, i multiples of ``topology.multiple``.

        Returns ``(n, classes, k, j, i)``; in training with deep supervision a list of these, the finest first, each
        coarser by the strides of its stage.
        """
        x = self.stem(x)
        seen = []
        for stage in self.encoder:
            x = stage(x)
            seen.append(x)
        x = seen.pop()
        every = self.deep_supervision and self.training
        logits = []
        for up, stage, head in reversed(list(zip(self.up, self.decoder, self.heads, strict=False))):
            x = stage(self.join(up(x), seen.pop()))
            if every:
                logits.append(head(x))
        if every:
            return logits[::-1] or [self.heads[0](x)]
        finest: Tensor = self.heads[0](x)
        return finest

    def initialise(self, generator: torch.Generator | None = None) -> None:
        """Weights anew: normal of variance ``2 / (1 + SLOPE^2) / fan-in`` (He et al. 2015), biases 0, norms 1 and 0.

        A residual block begins as its shortcut: the last norm of it has gain 0 (He et al. 2019, section 3.1).  The same
        generator gives the same weights.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                # What one voxel of the result sums over: of a transposed convolution each sees one voxel.
                transposed = isinstance(module, nn.ConvTranspose3d)
                fan_in = module.in_channels if transposed else module.weight[0].numel()
                nn.init.normal_(module.weight, 0, sqrt(2 / (1 + SLOPE**2) / fan_in), generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.InstanceNorm3d | nn.GroupNorm):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, Residual):
                nn.init.zeros_(module.second.norm.weight)


class Join(nn.Module):
    """What comes from below, then what was seen on the way down: channels of one tensor."""

    def forward(self, up: Tensor, seen: Tensor) -> Tensor:
        return torch.cat((up, seen), 1)


class Block(nn.Module):
    """Convolution, norm, and a LeakyReLU where ``active``; ``dense`` even where the topology is separable."""

    def __init__(
        self,
        topology: Topology,
        channels: int,
        width: int,
        kernel: Triple,
        stride: Triple = POINT,
        *,
        bias: bool = True,
        active: bool = True,
        dense: bool = False,
    ) -> None:
        super().__init__()
        made = separable if topology.separable and not dense else convolution
        self.conv = made(channels, width, kernel, stride, bias)
        self.norm = norm(topology, width)
        self.act = nn.LeakyReLU(SLOPE, inplace=True) if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.norm(self.conv(x)))
        return y


class Residual(nn.Module):
    """Two convolutions beside a shortcut, which is averaged over the stride and projected where widths differ.

    ResNet-D of He et al. 2019 ("Bag of tricks"), the basic block of nnU-Net's residual encoder.
    """

    def __init__(self, topology: Topology, channels: int, width: int, kernel: Triple, stride: Triple = POINT) -> None:
        super().__init__()
        self.first = Block(topology, channels, width, kernel, stride)
        self.second = Block(topology, width, width, kernel, active=False)
        self.pool = nn.Identity() if stride == POINT else nn.AvgPool3d(stride, stride)
        self.skip: nn.Module = nn.Identity()
        if channels != width:
            self.skip = Block(topology, channels, width, POINT, bias=False, active=False, dense=True)
        self.act = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.second(self.first(x)) + self.skip(self.pool(x)))
        return y


def convolution(channels: int, width: int, kernel: Triple, stride: Triple, bias: bool) -> nn.Module:
    """As long as its input, divided by the stride."""
    k, j, i = kernel
    return nn.Conv3d(channels, width, kernel, stride, (k // 2, j // 2, i // 2), bias=bias)


def separable(channels: int, width: int, kernel: Triple, stride: Triple, bias: bool) -> nn.Module:
    """Each channel by itself, then a 1 x 1 x 1 convolution that mixes them (Chollet 2017)."""
    k, j, i = kernel
    made = nn.Sequential()
    made.depthwise = nn.Conv3d(
        channels, channels, kernel, stride, (k // 2, j // 2, i // 2), groups=channels, bias=False
    )
    made.pointwise = nn.Conv3d(channels, width, 1, bias=bias)
    return made


def norm(topology: Topology, width: int) -> nn.InstanceNorm3d | nn.GroupNorm:
    """Of one patch by itself, so that no patch sees its neighbours in the batch; with gain and offset."""
    if topology.norm == "group":
        return nn.GroupNorm(max(1, width // GROUP), width, EPS)
    return nn.InstanceNorm3d(width, EPS, affine=True)


def _down(t: Topology, stage: int) -> nn.Sequential:
    width, kernel, stride = t.widths[stage], t.kernels[stage], t.strides[stage]
    if not t.residual:
        channels = t.widths[stage - 1] if stage else t.channels
        return _stack(t, channels, width, kernel, t.encoder[stage], stride, dense=stage == 0)
    first = Residual(t, t.widths[max(0, stage - 1)], width, kernel, stride)
    return nn.Sequential(first, *(Residual(t, width, width, kernel) for _ in range(t.encoder[stage] - 1)))


def _stack(
    t: Topology, channels: int, width: int, kernel: Triple, count: int, stride: Triple = POINT, *, dense: bool = False
) -> nn.Sequential:
    first = Block(t, channels, width, kernel, stride, dense=dense)
    return nn.Sequential(first, *(Block(t, width, width, kernel) for _ in range(count - 1)))
