"""What training makes small: Dice, cross entropy, focal, their sums, and the stages of deep supervision.

Each is a frozen value, called with ``logits (n, classes, k, j, i)``, ``target (n, k, j, i)`` of class indices as int64,
and the index to ``ignore``, whose voxels count for nothing; it gives one number.  Half precision is widened first.
Where there is nothing to count it is 0 with gradient 0, never NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Loss(Protocol):
    """A number that is the smaller the better the logits fit the target."""

    def __call__(self, logits: Tensor, target: Tensor, ignore: int | None = None) -> Tensor: ...


@dataclass(frozen=True)
class Dice:
    """1 - the mean soft Dice of the classes::

        (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)        p softmax, t one-hot, sums over voxels

    Drozdzal et al. 2016 (DLMIA); ``batch`` and ``smooth`` as nnU-Net (Isensee et al. 2021): a class that is neither
    there nor seen scores 1.

    batch : voxels of all patches are summed first; else each patch is scored by itself, and the scores averaged
    background : class 0 counts as well
    smooth : above 0, in voxels
    """

    batch: bool = True
    background: bool = False
    smooth: float = 1e-5

    def __post_init__(self) -> None:
        if not self.smooth > 0:
            raise ValueError("smooth must be above 0")

    def __call__(self, logits: Tensor, target: Tensor, ignore: int | None = None) -> Tensor:
        p = torch.softmax(_wide(logits), 1)
        counted, classes = _counted(target, ignore)
        truth = torch.zeros_like(p).scatter_(1, classes[:, None], 1)
        if ignore is not None:
            p, truth = p * counted[:, None], truth * counted[:, None]
        axes = (0, 2, 3, 4) if self.batch else (2, 3, 4)
        both, either = (p * truth).sum(axes), p.sum(axes) + truth.sum(axes)
        scores = (2 * both + self.smooth) / (either + self.smooth)
        return 1 - (scores if self.background else scores[..., 1:]).mean()


@dataclass(frozen=True)
class CrossEntropy:
    """``-log p`` of the true class, averaged over the voxels that count."""

    def __call__(self, logits: Tensor, target: Tensor, ignore: int | None = None) -> Tensor:
        return _mean(-_true(logits, target, ignore), target, ignore)


@dataclass(frozen=True)
class Focal:
    """``-(1 - p)^gamma log p`` of the true class, averaged over the voxels that count (Lin et al. 2017, ICCV, eq. 4).

    gamma : 0, which is cross entropy, or at least 1: in between the gradient has no bound where p is 1
    """

    gamma: float = 2.0

    def __post_init__(self) -> None:
        if self.gamma != 0 and not self.gamma >= 1:
            raise ValueError("gamma must be 0 or at least 1")

    def __call__(self, logits: Tensor, target: Tensor, ignore: int | None = None) -> Tensor:
        log_p = _true(logits, target, ignore)
        return _mean(-((-torch.expm1(log_p)) ** self.gamma) * log_p, target, ignore)


@dataclass(frozen=True)
class Sum:
    """Losses, each times its weight: ``Sum(((1, Dice()), (1, CrossEntropy())))`` is nnU-Net's."""

    terms: tuple[tuple[float, Loss], ...]

    def __call__(self, logits: Tensor, target: Tensor, ignore: int | None = None) -> Tensor:
        return torch.stack([weight * loss(logits, target, ignore) for weight, loss in self.terms]).sum()


@dataclass(frozen=True)
class Deep:
    """A loss at every stage of the decoder (Lee et al. 2015, AISTATS), added up by ``weights``.

    The target of a coarser stage is the middle voxel of each of its voxels, of two the later.
    """

    loss: Loss

    def __call__(self, logits: Sequence[Tensor], target: Tensor, ignore: int | None = None) -> Tensor:
        """``logits``: the finest first, whose grid is the target's."""
        losses = [self.loss(made, coarser(target, made.shape[2:]), ignore) for made in logits]
        # The coarsest is weighed by 0 rather than left out: every weight has a gradient then, as DDP wants it.
        return torch.stack([weight * loss for weight, loss in zip(weights(len(losses)), losses, strict=True)]).sum()


def weights(stages: int) -> tuple[float, ...]:
    """1, 1/2, 1/4, ..., of the coarsest 0 where there are several, divided by their sum (Isensee et al. 2021).

    >>> weights(4)
    (0.5714285714285714, 0.2857142857142857, 0.14285714285714285, 0.0)
    >>> weights(1)
    (1.0,)
    """
    halves = [0.5**stage for stage in range(stages)]
    if stages > 1:
        halves[-1] = 0.0
    return tuple(half / sum(halves) for half in halves)


def coarser(target: Tensor, shape: Sequence[int]) -> Tensor:
    """``target (n, k, j, i)`` on a grid that is coarser by whole strides, ``shape`` voxels along k, j, i."""
    k, j, i = (n // m for n, m in zip(target.shape[1:], shape, strict=True))
    return target[:, k // 2 :: k, j // 2 :: j, i // 2 :: i]


def _wide(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()


def _counted(target: Tensor, ignore: int | None) -> tuple[Tensor, Tensor]:
    """Which voxels count, and their classes; 0 for those that do not."""
    counted = torch.ones_like(target, dtype=torch.bool) if ignore is None else target != ignore
    return counted, target.where(counted, torch.zeros_like(target))


def _true(logits: Tensor, target: Tensor, ignore: int | None) -> Tensor:
    """log p of the true class, (n, k, j, i)."""
    _, classes = _counted(target, ignore)
    return F.log_softmax(_wide(logits), 1).gather(1, classes[:, None])[:, 0]


def _mean(values: Tensor, target: Tensor, ignore: int | None) -> Tensor:
    """Over the voxels that count; 0 where none does."""
    counted, _ = _counted(target, ignore)
    return (values * counted).sum() / counted.sum().clamp(min=1)
