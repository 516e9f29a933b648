"""What a U-Net is made of, without torch: widths, kernels and strides of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from pydantic import ConfigDict, with_config

from pipeline.grid import Triple


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Topology:
    """A U-Net in k, j, i.  A 2-D one is a 3-D one whose kernels and strides along k are 1.

    Attributes
    ----------
    classes : channels that come out, background included
    widths : channels of each stage, the finest first
    kernels : of each stage, odd, along k, j, i
    strides : by which each stage is coarser than the one above; the first is (1, 1, 1)
    encoder : convolutions (or residual blocks) of each stage on the way down
    decoder : convolutions of each stage on the way up, the finest first; one less than stages
    residual : stages on the way down are residual blocks
    separable : convolutions are depthwise, then pointwise
    norm : ``instance``, or ``group`` (8 channels a group; a width below 8 is one)
    channels : that go in

    Raises
    ------
    ValueError
        Naming the field, if the stages do not fit together.
    """

    classes: int
    widths: tuple[int, ...]
    kernels: tuple[Triple, ...]
    strides: tuple[Triple, ...]
    encoder: tuple[int, ...]
    decoder: tuple[int, ...]
    residual: bool = False
    separable: bool = False
    norm: Literal["instance", "group"] = "instance"
    channels: int = 1

    def __post_init__(self) -> None:
        stages = len(self.widths)
        if stages < 1 or min(self.widths) < 1 or self.classes < 2 or self.channels < 1:
            raise ValueError("widths and channels must be at least 1, classes at least 2")
        if not len(self.kernels) == len(self.strides) == len(self.encoder) == stages == len(self.decoder) + 1:
            raise ValueError("kernels, strides and encoder are one a stage; decoder one less")
        if any(n < 1 or n % 2 == 0 for kernel in self.kernels for n in kernel):
            raise ValueError("kernels must be odd")
        if self.strides[0] != (1, 1, 1) or any(n < 1 for stride in self.strides for n in stride):
            raise ValueError("strides must be at least 1, those of the first stage 1")
        if min(self.encoder) < 1 or (self.decoder and min(self.decoder) < 1):
            raise ValueError("every stage has a convolution")

    def memory(self, patch: Triple) -> int:
        """Bytes that looking at one patch takes at most: what every stage leaves for the way up, the largest eight
        times (two halves side by side, a convolution's input, output and what its library lays out anew; as much again
        for residual or separable blocks, which hold more side by side), and four times the logits (once more for the
        mean over mirrorings, and turned)."""
        sizes, voxels = [], list(patch)
        for width, stride in zip(self.widths, self.strides, strict=True):
            voxels = [-(-n // s) for n, s in zip(voxels, stride, strict=True)]
            sizes.append(4 * width * prod(voxels))
        times = 16 if self.residual or self.separable else 8
        return sum(sizes) + times * max(sizes) + 4 * 4 * self.classes * prod(patch)

    @property
    def loading(self) -> int:
        """Bytes that its weights take at most: six times what is stored (measured: the file and its tensors while they
        are loaded, then these and what kernels are laid out to, which is nearly twice as much, as it is made).

        Kernels are counted, those of separable convolutions as if they were dense; the rest is little beside them.
        """
        count, above = 0, self.channels
        for stage, (width, kernel) in enumerate(zip(self.widths, self.kernels, strict=True)):
            blocks = 2 * self.encoder[stage] if self.residual else self.encoder[stage]
            count += (above + (blocks - 1) * width) * width * prod(kernel)
            if stage:
                count += above * width * prod(self.strides[stage])
            if stage < len(self.decoder):
                count += (1 + self.decoder[stage]) * width * width * prod(kernel)
            above = width
        return 6 * 4 * count

    @property
    def multiple(self) -> Triple:
        """Of what the lengths of a patch must be multiples, along k, j, i: the product of all strides."""
        k, j, i = 1, 1, 1
        for a, b, c in self.strides:
            k, j, i = k * a, j * b, i * c
        return k, j, i
