"""Where a training stands: weights, the optimiser's momentum and what was measured, in one file that is put in place
whole.  Samples depend on the step alone, so that nothing else is needed to go on as if nothing had happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from pipeline.errors import ModelError
from pipeline.store.faults import store_errors
from pipeline.store.files import replace, sweep

MOMENTUM = "momentum_buffer"
"""torch's name of what stochastic gradient descent remembers of a weight."""


@dataclass(frozen=True)
class Point:
    """After some steps: the mean loss since the last point; the Dice of each structure, over the validation patients.

    ``dice`` is empty where nobody is validated on; a structure that is neither there nor found has none.
    """

    step: int
    loss: float
    dice: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """After ``step`` steps of the training that ``digest`` names."""

    digest: str
    step: int
    points: tuple[Point, ...]
    tensors: Mapping[str, Tensor]

    @classmethod
    def of(
        cls, digest: str, step: int, points: tuple[Point, ...], network: nn.Module, optimiser: torch.optim.Optimizer
    ) -> State:
        """Of a network and its optimiser; on the CPU."""
        tensors = {f"weights/{name}": tensor for name, tensor in network.state_dict().items()}
        for name, parameter in network.named_parameters():
            if MOMENTUM in optimiser.state[parameter]:
                tensors[f"momentum/{name}"] = optimiser.state[parameter][MOMENTUM]
        return cls(digest, step, points, {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})

    def into(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Network and optimiser as they were."""
        network.load_state_dict(self.weights)
        for name, parameter in network.named_parameters():
            held = self.tensors.get(f"momentum/{name}")
            if held is not None:
                optimiser.state[parameter][MOMENTUM] = held.to(parameter.device, copy=True)

    @property
    def weights(self) -> dict[str, Tensor]:
        """Of the network, by name."""
        return {n.removeprefix("weights/"): tensor for n, tensor in self.tensors.items() if n.startswith("weights/")}

    def write(self, path: Path) -> None:
        """Readers see the state before or this one.  Raises StoreError where the disk refuses."""
        said = {"digest": self.digest, "step": self.step, "points": [asdict(point) for point in self.points]}
        content = save(dict(self.tensors), {"state": json.dumps(said, allow_nan=False)})
        with store_errors():
            sweep(path.parent)
            replace(path, content)

    @classmethod
    def read(cls, path: Path, digest: str) -> State | None:
        """None where nothing was begun.

        Raises ModelError where it is another training, or no state at all.
        """
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                said: dict[str, Any] = json.loads(file.metadata()["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, TypeError, ValueError):
            raise ModelError(f"{path.name} in the model's folder is no state of a training: remove it") from None
        if said["digest"] != digest:
            raise ModelError(
                f"{path.name} in the model's folder is of another recipe, other data or another version: remove it to"
                " begin anew, or name another folder"
            )
        return cls(digest, said["step"], tuple(Point(**point) for point in said["points"]), tensors)
