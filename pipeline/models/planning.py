"""A U-Net and its patch, planned from spacing and size as nnU-Net plans them.  Needs no torch.

Isensee et al., nnU-Net: a self-configuring method, Nature Methods 18, 203-211, 2021, with its supplement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from pipeline.grid import Triple
from pipeline.models.topology import Topology

APART = 2.0
"""An axis whose spacing is this many times the finest, or more, is left as it is until the others have caught up."""

SMALLEST = 4
"""Voxels along a pooled axis that the coarsest stage keeps."""

WIDTH, WIDEST = 32, 320
"""Channels of the finest stage, which double from stage to stage, and the most of any in 3-D."""

BUDGET = 128**3
"""Voxels of a patch."""


@dataclass(frozen=True)
class Stages:
    """Kernels and strides of every stage, and the patch, lengthened to a multiple of the strides; all along k, j, i."""

    kernels: tuple[Triple, ...]
    strides: tuple[Triple, ...]
    patch: Triple


def stages(spacing: Sequence[float], patch: Sequence[int], deepest: int | None = None) -> Stages:
    """The stages for patches of about this many voxels, ``spacing`` mm apart.

    From one stage to the next an axis is halved while its spacing is less than APART times the finest of the axes that
    are still long enough, ``2 * SMALLEST`` voxels; one axis alone is halved from ``3 * SMALLEST``.  A kernel is 1 along
    an axis until its spacing has come within APART of the finest; it is 3 in the coarsest stage; it is always 1 along
    an axis of one voxel.

    deepest : the most stages; None: as many as fit

    Raises ValueError for a spacing or a length that cannot be.

    >>> thick = stages((5.0, 0.8, 0.8), (16, 256, 256))
    >>> thick.strides
    ((1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2), (1, 2, 2))
    >>> thick.kernels[:4]
    ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3))
    """
    if not all(s > 0 for s in spacing) or min(patch) < 1:
        raise ValueError("spacing must be above 0, and a patch at least one voxel long")
    space, size = list(map(float, spacing)), list(patch)
    deep = [axis for axis in range(3) if patch[axis] > 1]
    kernel = [1, 1, 1]
    kernels: list[Triple] = []
    strides: list[Triple] = [(1, 1, 1)]
    while deepest is None or len(strides) < deepest:
        halved = _halved(space, size)
        if not halved:
            break
        finest = min(space[axis] for axis in deep)
        for axis in deep:
            if space[axis] / finest < APART:
                kernel[axis] = 3
        kernels.append(_triple(kernel))
        strides.append(_triple([2 if axis in halved else 1 for axis in range(3)]))
        for axis in halved:
            space[axis], size[axis] = 2 * space[axis], -(-size[axis] // 2)
    kernels.append(_triple([3 if axis in deep else 1 for axis in range(3)]))
    lengths = [-(-n // m) * m for n, m in zip(patch, _multiple(strides), strict=True)]
    return Stages(tuple(kernels), tuple(strides), _triple(lengths))


def planned(
    spacing: Sequence[float],
    shape: Sequence[int],
    classes: int,
    *,
    channels: int = 1,
    budget: int = BUDGET,
    width: int = WIDTH,
    widest: int = WIDEST,
    convolutions: int = 2,
    deepest: int | None = None,
    residual: bool = False,
    separable: bool = False,
    norm: Literal["instance", "group"] = "instance",
) -> tuple[Topology, Triple]:
    """A topology and its patch for volumes of about ``shape`` voxels, ``spacing`` mm apart, along k, j, i.

    The patch begins as a cube (a square, of one slice) in mm of eight times the ``budget``, no longer than the volume.
    While it holds more voxels than the budget, the axis along which it covers most of the volume is shortened.

    Parameters
    ----------
    classes : background included
    budget : voxels of a patch: what memory allows, instead of nnU-Net's estimate of it
    width, widest : channels of the finest stage, and the most of any
    convolutions : (or residual blocks) of every stage
    deepest : the most stages

    >>> topology, patch = planned((1.0, 1.0, 1.0), (250, 300, 300), classes=3)
    >>> patch, len(topology.widths), topology.multiple
    ((128, 128, 128), 6, (32, 32, 32))
    >>> planned((5.0, 0.8, 0.8), (40, 512, 512), classes=3)[1]
    (24, 256, 320)
    """
    deep = [s for s, n in zip(spacing, shape, strict=True) if n > 1]
    edge = (8 * budget * prod(deep)) ** (1 / max(1, len(deep)))  # mm
    patch = [min(n, max(1, round(edge / s))) for n, s in zip(shape, spacing, strict=True)]
    made = stages(spacing, patch, deepest)
    while prod(made.patch) > budget:
        made = stages(spacing, _shorter(made, spacing, shape, deepest), deepest)
    count = len(made.strides)
    topology = Topology(
        classes=classes,
        widths=tuple(min(width << stage, widest) for stage in range(count)),
        kernels=made.kernels,
        strides=made.strides,
        encoder=(convolutions,) * count,
        decoder=(convolutions,) * (count - 1),
        residual=residual,
        separable=separable,
        norm=norm,
        channels=channels,
    )
    return topology, made.patch


def _shorter(made: Stages, spacing: Sequence[float], shape: Sequence[int], deepest: int | None) -> list[int]:
    """The patch, one step shorter along the axis that it covers most of.

    A shorter patch may have a stage less, and so a smaller step: 256 becomes 224, not 192.
    """
    long = [axis for axis in range(3) if made.patch[axis] > 1]
    axis = max(long, key=lambda axis: made.patch[axis] / shape[axis])
    patch = list(made.patch)
    patch[axis] = max(1, patch[axis] - _multiple(made.strides)[axis])
    step = _multiple(stages(spacing, patch, deepest).strides)[axis]
    patch[axis] = max(1, made.patch[axis] - step)
    return patch


def _multiple(strides: Sequence[Triple]) -> list[int]:
    return [prod(axis) for axis in zip(*strides, strict=True)]


def _halved(space: Sequence[float], size: Sequence[int]) -> list[int]:
    """Axes that the next stage halves; none where there is no next stage."""
    long = [axis for axis in range(3) if size[axis] >= 2 * SMALLEST]
    if not long:
        return []
    finest = min(space[axis] for axis in long)
    halved = [axis for axis in long if space[axis] / finest < APART]
    if len(halved) == 1 and size[halved[0]] < 3 * SMALLEST:
        return []
    return halved


def _triple(values: Sequence[int]) -> Triple:
    k, j, i = values
    return k, j, i
