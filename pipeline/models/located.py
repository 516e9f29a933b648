"""One network finds the box, another looks inside it: the method ``located``, after deepbet.

::

    whole volume ─▶ 128^3 ─▶ first network ─▶ box of its largest part, a tenth wider on each side
    the box      ─▶ patch ─▶ second network ─▶ its largest part, holes filled ─▶ the source's voxels

Every step between is that of the authors, on whose images the networks were trained: L. Fisch et al., deepbet: Fast
brain extraction of T1-weighted MRI using convolutional neural networks, Computers in Biology and Medicine 179, 108845,
2024, and the code of the package deepbet 1.0.2.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import nn

from pipeline import orientation
from pipeline.errors import ModelError, Quarantine
from pipeline.grid import Triple
from pipeline.kernels import components, intensity
from pipeline.kernels.holes import holes
from pipeline.kernels.ramp import Ramp
from pipeline.models.library import Model
from pipeline.models.weights import network
from pipeline.reasons import Reason
from pipeline.tally import Moments
from pipeline.volume import Volume
from pipeline.xp import to_host

OVERVIEW: Triple = (128, 128, 128)
"""Voxels that the whole volume becomes for the first network."""

SHARE = 0.02
"""A plane belongs to the box where more than this part of its voxels was found."""

MARGIN = np.float32(0.1)
"""By how much of its length the box is wider on each side."""

LEVEL, CONTRAST = 0.449, 0.226
"""Mean and standard deviation of what the networks look at."""

Box = tuple[slice, slice, slice]


def segment(model: Model, volume: Volume, where: str = "cpu") -> Volume:
    """Labels (uint8 or uint16) of a whole image in source units, on its own grid.  A voxel that is NaN counts as 0.

    ``where``: torch's name of the device on which the networks run.

    Raises
    ------
    ModelError
        Where the model is none of this method, or its weights cannot be had.
    Quarantine
        NO_CONTRAST where all is equal; MODEL_FOUND_NOTHING where either network finds nothing.
    """
    first, second = _networks(model, where)
    descriptor, grid = model.descriptor, volume.grid
    (structure,) = descriptor.structures
    turn = orientation.toward(grid, descriptor.grid.orientation or orientation.codes(grid))
    x = turn.array(to_host(volume.intensities))
    overview = _image(x, OVERVIEW)
    ramp = descriptor.intensity.ramp(overview)
    box = _box(_found(first, _normalised(overview, ramp)), x.shape)
    inside = _found(second, _normalised(_image(x[box], descriptor.patch), ramp))
    part = _largest(nearest(inside, x[box].shape))
    part |= holes(part)
    labels = np.zeros(x.shape, np.uint8 if structure.value < 256 else np.uint16)
    labels[box] = part * labels.dtype.type(structure.value)
    return Volume(np.ascontiguousarray(turn.inverse.array(labels)), grid, "labels")


def nearest(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``x`` ``[k, j, i]`` in another shape, both outer faces kept, each voxel the nearest.

    In float32, as ``nearest-exact`` of torch where that is the same on every processor, which it is between 256 voxels
    and any length up to 4096: where a new voxel lies midway between two, the same one is taken.
    """
    return x[np.ix_(*(_rows(n, m) for n, m in zip(x.shape, shape, strict=True)))]


def _rows(n: int, m: int) -> np.ndarray:
    """int64 [m]: the nearest of ``n`` voxels."""
    middle = np.arange(m, dtype=np.float32) + np.float32(0.5)
    return np.minimum((middle * (np.float32(n) / np.float32(m))).astype(np.int64), n - 1)


def _image(x: np.ndarray, shape: Triple) -> np.ndarray:
    """float32 of that shape, every number finite."""
    return np.nan_to_num(nearest(x, shape).astype(np.float32))


def _normalised(x: np.ndarray, unit: Ramp) -> np.ndarray:
    """``x`` through the ramp to 0 .. 1, then of mean LEVEL and sd CONTRAST (divisor n - 1)."""
    clipped = intensity.ramp(x, unit)
    seen = Moments.of(clipped)
    seen += seen.detail(clipped)
    if seen.mean is None or not seen.sd:
        raise Quarantine(Reason.NO_CONTRAST)
    sd = seen.sd * (seen.n / (seen.n - 1)) ** 0.5
    span = unit.high - unit.low
    base = unit.low + span * (seen.mean - LEVEL * sd / CONTRAST)
    return intensity.ramp(x, Ramp(unit.low, unit.high, base, CONTRAST / (sd * span), unit.dtype), out=clipped)


def _found(net: nn.Module, x: np.ndarray) -> np.ndarray:
    """bool, of the shape of ``x``: where the network's second class has more than its first."""
    with torch.inference_mode():
        background, wanted = net(torch.from_numpy(x)[None, None].to(next(net.parameters()).device))[0]
        found: np.ndarray = (wanted > background).cpu().numpy()
    return found


def _largest(mask: np.ndarray) -> np.ndarray:
    """uint8 of 0 and 1: the largest component of voxels that share corners.  Raises Quarantine where there is none."""
    found = components.find(mask, 26)
    if not found.count:
        raise Quarantine(Reason.MODEL_FOUND_NOTHING)
    chosen = np.zeros(found.count, np.uint8)
    chosen[components.by_size(found.sizes())[0]] = 1
    return to_host(found.paint(chosen))


def _box(found: np.ndarray, shape: tuple[int, ...]) -> Box:
    """Where the largest part of what the first network found lies in a volume of ``shape``, and MARGIN around it.

    float32 throughout: the rounding decides on which voxel a box begins.
    """
    mask = _largest(found)
    k, j, i = (_side(mask.mean(tuple({0, 1, 2} - {axis})), n) for axis, n in enumerate(shape))
    return k, j, i


def _side(share: np.ndarray, n: int) -> slice:
    """One side of the box among ``n`` voxels, from the part that was found of each plane."""
    planes = np.flatnonzero(share > SHARE)
    if not planes.size:
        raise Quarantine(Reason.MODEL_FOUND_NOTHING)
    low, high = planes[0], planes[-1] + 1
    scale = np.float32(n) / np.float32(share.size)
    centre = np.rint(scale * np.float32((low + high) / 2))
    width = np.rint((1 + 2 * MARGIN) * (scale * np.float32(high - low)))
    begin, end = max(0, int(centre - width / 2)), min(n, int(centre + width / 2))
    if begin >= end:
        raise Quarantine(Reason.MODEL_FOUND_NOTHING)
    return slice(begin, end)


@lru_cache(maxsize=2)
def _networks(model: Model, where: str) -> tuple[nn.Module, nn.Module]:
    """The network that finds the box and the one that looks into it, in the order of the model's files."""
    descriptor = model.descriptor
    files = tuple(descriptor.weights.files)
    if descriptor.method != "located" or len(files) != 2 or len(descriptor.structures) != 1:
        raise ModelError(f"the model {descriptor.name!r} is no pair of networks with one structure")
    return network(model, files[0]).to(where), network(model, files[1]).to(where)
