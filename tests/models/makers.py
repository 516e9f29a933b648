"""Model folders for tests."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import save

from pipeline.models.descriptor import Descriptor, Weights
from pipeline.models.descriptor_text import text
from pipeline.models.library import Model
from pipeline.models.unet import UNet
from tests.models.nets import TINY, descriptor

FILE = "weights.safetensors"


def tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    """Of the net TINY."""
    net = UNet(TINY)
    net.initialise(torch.Generator().manual_seed(seed))
    return net.state_dict()


def named(stored: bytes, name: str = "tiny", file: str = FILE, **more: object) -> Descriptor:
    """A descriptor that names these bytes."""
    return replace(
        descriptor(),
        name=name,
        **{"weights": Weights("safetensors", {file: sha256(stored).hexdigest()}), **more},  # type: ignore[arg-type]
    )


def written(parent: Path, stored: bytes | None = None, name: str = "tiny", **more: object) -> Path:
    """A folder of a model that is whole, with any bytes for its weights."""
    folder = parent / name
    folder.mkdir(parents=True)
    stored = save(tensors()) if stored is None else stored
    (folder / FILE).write_bytes(stored)
    (folder / "model.yaml").write_text(text(named(stored, name, **more)))
    return folder


def at_hand(folder: Path, said: Descriptor, packaged: bool) -> Model:
    """A model as ``library.find`` gives it."""
    return Model(said, sha256(text(said).encode()).hexdigest(), folder, packaged)
