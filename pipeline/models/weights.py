"""From files of weights to a network: the very bytes that were hashed are loaded.

Tensors (safetensors) are put into a U-Net that is built here.  A program of TorchScript or ``torch.export`` is code:
it is loaded where a packaged descriptor, which is part of this program, pins it by its SHA-256, and nowhere else.
"""

from __future__ import annotations

import warnings
from io import BytesIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from pipeline.errors import ModelError
from pipeline.models.library import Model, content
from pipeline.models.topology import Topology
from pipeline.models.unet import UNet

STORED = (torch.float32, torch.float16, torch.bfloat16)
"""Types of stored weights: float32 holds each of their values."""


def network(model: Model, file: str | None = None) -> nn.Module:
    """The network of one file of a model: on the CPU, float32, made for inference.

    ``forward`` takes (n, channels, k, j, i) float32 and gives (n, classes, k, j, i) float32: logits, or what the
    program of a packaged model makes.

    file : which, where the model has several; None: the only one

    Raises
    ------
    ModelError
        Where the file is missing, is another than the descriptor names, or does not fit the network.
    """
    names, name = model.descriptor.weights.files, model.descriptor.name
    if file is None and len(names) > 1:
        raise ModelError(f"the model {name!r} has several networks: {', '.join(names)}")
    file = next(iter(names)) if file is None else file
    form, topology = model.descriptor.weights.format, model.descriptor.network
    if topology is not None:
        made: nn.Module = unet(topology, content(model, file), f"{file} of the model {name!r}")
    elif not model.packaged:
        raise ModelError(f"the model {name!r}: only packaged models may bring code")
    else:
        made = _program(content(model, file), scripted=form == "torchscript")
    for parameter in made.parameters():  # a ScriptModule has no requires_grad_ of its own
        parameter.requires_grad_(False)
    return made


def unet(topology: Topology, stored: bytes, origin: str) -> UNet:
    """A U-Net for inference from the bytes of a safetensors file; ``origin`` stands in messages.

    What is made in memory is what the file holds, whatever the topology says.

    Raises
    ------
    ModelError
        Where the bytes are no safetensors, a tensor is missing, too many, of another shape, or not finite.
    """
    try:
        tensors = load(stored)
    except SafetensorError:
        raise ModelError(f"{origin} is no safetensors file") from None
    if sum(topology.encoder) + sum(topology.decoder) > len(tensors):
        raise ModelError(f"{origin} holds fewer tensors than the network has convolutions")
    try:
        with torch.device("meta"):
            net = UNet(topology)
    except (ValueError, RuntimeError) as error:  # widths that no norm divides, or that no tensor has
        raise ModelError(f"{origin}: its network cannot be built: {str(error).partition(chr(10))[0]}") from None
    wanted = net.state_dict()
    _fit(wanted, tensors, origin)
    net.load_state_dict({name: tensors[name].float() for name in wanted}, assign=True)
    return net.eval()


def _fit(wanted: dict[str, Tensor], tensors: dict[str, Tensor], origin: str) -> None:
    """Raises ModelError unless the tensors are those that the network wants."""
    missing, more = sorted(wanted.keys() - tensors), sorted(tensors.keys() - wanted)
    if missing:
        raise ModelError(f"{origin} does not fit the network: {len(missing)} tensors are missing, first {missing[0]!r}")
    if more:
        raise ModelError(f"{origin} does not fit the network: {len(more)} tensors are too many, first {more[0]!r}")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape or tensor.dtype not in STORED:
            has, needs = (f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}" for t in (tensor, wanted[name]))
            raise ModelError(f"{origin} does not fit the network: {name!r} is {has}, not {needs}")
        if not tensor.isfinite().all():
            raise ModelError(f"{origin}: {name!r} holds numbers that are not finite")


def _program(code: bytes, *, scripted: bool) -> nn.Module:
    """A network that is code."""
    if not scripted:
        exported: nn.Module = torch.export.load(BytesIO(code)).module()
        return exported
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated", DeprecationWarning)
        script: nn.Module = torch.jit.load(BytesIO(code), map_location="cpu")
    return script.eval()
