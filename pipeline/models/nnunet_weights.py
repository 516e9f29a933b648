"""Weights of nnU-Net under our names, out of a checkpoint that nothing in may run.

nnU-Net keeps its networks (``PlainConvUNet``, ``ResidualEncoderUNet`` of dynamic-network-architectures) under these
keys; its decoder counts stages from the coarsest, ours from the finest::

    encoder.stages.S.0.convs.C.{conv,norm}            encoder.S.C.{conv,norm}
    encoder.stem.convs.0.{conv,norm}                  stem.{conv,norm}
    encoder.stages.S.blocks.B.conv{1,2}.{conv,norm}   encoder.S.B.{first,second}.{conv,norm}
    encoder.stages.S.blocks.B.skip.N.{conv,norm}      encoder.S.B.skip.{conv,norm}
    decoder.transpconvs.N                             up.S
    decoder.stages.N.convs.C.{conv,norm}              decoder.S.C.{conv,norm}
    decoder.seg_layers.N                              heads.S
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.models.topology import Topology
from pipeline.models.unet import UNet

TWICE = re.compile(r"\.all_modules\.|^decoder\.encoder\.")
"""Keys under which modules stand once more."""

_SCALAR: Any = np.float64(0).__reduce__()[0]
"""Makes a number of NumPy from its type and bytes; of objects it makes none."""

_NUMBERS = ("f2", "f4", "f8", "i4", "i8", "?")

PLAIN: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    np.dtype,
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (_SCALAR, "numpy.core.multiarray.scalar"),  # before NumPy 2
    *(type(np.dtype(number)) for number in _NUMBERS),
]
"""What a checkpoint may name beside tensors: numbers of NumPy, which nnU-Net's training log is made of."""


def checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds: plain values, numbers and tensors, on the CPU.

    Raises ModelError where it holds anything else, which is not looked at, or is no checkpoint of this decade's torch.
    """
    if not zipfile.is_zipfile(path):
        raise ModelError(f"{path.name} is no checkpoint of torch 1.6 or later")
    try:
        with torch.serialization.safe_globals(PLAIN):
            held = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"names {named[1]}" if named else "holds more than tensors and plain values"
        raise ModelError(f"{path.name} {what}, which might run code: it is not read") from None
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise ModelError(f"{path.name} cannot be read as a checkpoint: {type(error).__name__}") from None
    if not isinstance(held, dict):
        raise ModelError(f"{path.name} is no checkpoint of nnU-Net: it holds no mapping")
    return held


def arrays(weights: Mapping[str, Tensor], topology: Topology) -> dict[str, np.ndarray]:
    """float32 arrays for ``UNet(topology)``; kernels in two dimensions get an axis k of one voxel.

    A convolution without bias gets one of 0, which is the same.

    Raises ModelError where a weight is missing, of another shape, or is left over.
    """
    if sum(topology.encoder) + sum(topology.decoder) > len(weights):
        raise ModelError("the checkpoint holds fewer weights than plans.json asks for")
    with torch.device("meta"):
        wanted = UNet(topology).state_dict()
    left = {key: tensor for key, tensor in weights.items() if not TWICE.search(key)}
    found = {_ours(key, len(topology.decoder)): tensor for key, tensor in left.items()}
    more = [key for key in left if _ours(key, len(topology.decoder)) not in wanted]
    if more:
        raise ModelError(f"{len(more)} weights of nnU-Net have no place in the network, first {more[0]!r}")
    made = {}
    for name, place in wanted.items():
        tensor = found.get(name)
        if tensor is None and name.endswith(".bias") and ".norm." not in name and not name.startswith("heads."):
            tensor = torch.zeros(place.shape)
        if tensor is None:
            raise ModelError(f"nnU-Net's weights lack {name!r}")
        if tensor.ndim == 4 and place.ndim == 5:
            tensor = tensor[:, :, None]
        if tensor.shape != place.shape:
            raise ModelError(f"{name!r} of nnU-Net is {tuple(tensor.shape)}, not {tuple(place.shape)}")
        made[name] = tensor.float().numpy()
    return made


def _ours(key: str, decoder: int) -> str:
    """Our name of a weight; the key itself where there is none."""
    for pattern, name in RULES:
        match = pattern.fullmatch(key)
        if match:
            return name(match, decoder)
    return key


Named = Callable[[re.Match[str], int], str]

RULES: tuple[tuple[re.Pattern[str], Named], ...] = (
    (
        re.compile(r"encoder\.stages\.(\d+)\.0\.convs\.(\d+)\.((?:conv|norm)\.\w+)"),
        lambda m, _: f"encoder.{m[1]}.{m[2]}.{m[3]}",
    ),
    (re.compile(r"encoder\.stem\.convs\.0\.((?:conv|norm)\.\w+)"), lambda m, _: f"stem.{m[1]}"),
    (
        re.compile(r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.conv([12])\.((?:conv|norm)\.\w+)"),
        lambda m, _: f"encoder.{m[1]}.{m[2]}.{'first' if m[3] == '1' else 'second'}.{m[4]}",
    ),
    (
        re.compile(r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.skip\.[01]\.((?:conv|norm)\.\w+)"),
        lambda m, _: f"encoder.{m[1]}.{m[2]}.skip.{m[3]}",
    ),
    (re.compile(r"decoder\.transpconvs\.(\d+)\.(\w+)"), lambda m, n: f"up.{n - 1 - int(m[1])}.{m[2]}"),
    (
        re.compile(r"decoder\.stages\.(\d+)\.convs\.(\d+)\.((?:conv|norm)\.\w+)"),
        lambda m, n: f"decoder.{n - 1 - int(m[1])}.{m[2]}.{m[3]}",
    ),
    (re.compile(r"decoder\.seg_layers\.(\d+)\.(\w+)"), lambda m, n: f"heads.{n - 1 - int(m[1])}.{m[2]}"),
)
