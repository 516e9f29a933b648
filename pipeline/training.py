"""How a network is trained on two outputs of a recipe: values alone, read without torch."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from pydantic import ConfigDict, with_config

from pipeline import draws
from pipeline.draws import Draw
from pipeline.draws.warp import Warp
from pipeline.models.descriptor import Descriptor
from pipeline.yaml_text import Place, Text, adapter

WEIGHTS = "weights.safetensors"
"""The file of a trained model beside its ``model.yaml``."""

PENDING = "0" * 64
"""Stands for the SHA-256 of weights that are yet to be trained."""

Loss = Literal["dice-cross-entropy", "dice-focal"]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Settings:
    """The numbers of a training; where a number is not said, it is nnU-Net's (Isensee et al., Nature Methods 18, 2021).

    Attributes
    ----------
    image, labels : names of outputs of the recipe: an image in source units, and a label map on its grid
    steps : of the optimiser
    batch : patches of a step, whatever the number of processes
    learning_rate : of the first step; it falls to 0 as ``(1 - step / steps) ^ 0.9``
    momentum : of Nesterov's
    weight_decay : times half the sum of squares of the weights is added to the loss
    clip : largest norm of the gradient of all weights
    foreground : least part of a batch whose patches are centred on a voxel of a structure
    loss : Dice and cross entropy, or Dice and focal, added; at every stage of the decoder
    swap : pairs of values that change places where a sample is seen mirrored from the patient's right to the left
    seed : of the weights, the patches and the draws
    validation : part of the patients that is not trained on, by a hash of the patient's key
    every : steps after which the state is saved and, where there are patients for it, the Dice is measured

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    image: str
    labels: str
    steps: int
    batch: int = 2
    learning_rate: float = 0.01
    momentum: float = 0.99
    weight_decay: float = 3e-5
    clip: float = 12.0
    foreground: float = 1 / 3
    loss: Loss = "dice-cross-entropy"
    swap: tuple[tuple[int, int], ...] = ()
    seed: int = 0
    validation: float = 0.2
    every: int = 250

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 10**7 or self.every < 1 or self.batch < 1:
            raise ValueError("steps, every and batch must be at least 1, steps at most 10 million")
        if not (isfinite(self.learning_rate) and self.learning_rate > 0 and isfinite(self.clip) and self.clip > 0):
            raise ValueError("learning_rate and clip must be finite and above 0")
        if not (0 <= self.momentum < 1 and isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError("momentum must be at least 0 and below 1, weight_decay finite and at least 0")
        if not (0 <= self.foreground <= 1 and 0 <= self.validation < 1):
            raise ValueError("foreground must lie within 0 and 1, validation too and below 1")
        if self.seed < 0:
            raise ValueError("seed must be a whole number of at least 0")
        swapped = [value for pair in self.swap for value in pair]
        if len(set(swapped)) < len(swapped):
            raise ValueError("swap names a value twice")

    def rate(self, step: int) -> float:
        """The learning rate of a step, the first of which is 0: the polynomial of Isensee et al., power 0.9."""
        return self.learning_rate * (1 - step / self.steps) ** 0.9


@dataclass(frozen=True)
class Training:
    """What is trained, on what, and how.

    Attributes
    ----------
    settings : numbers
    model : what the model will say of itself, but for its weights, which are ``PENDING``
    draws : by which samples differ, in the units of the image, in this order; labels move along
    """

    settings: Settings
    model: Descriptor
    draws: tuple[Draw, ...] = ()


def read(text: Text, value: Any, place: Place) -> Training:
    """What the ``train`` block of a recipe says.

    Its ``model`` has the keys of a ``model.yaml`` but ``weights`` and ``figures``; its ``draws`` are entries as those
    of stages.  Raises RecipeError that names the line and the key.
    """
    fields = text.mapping(value, place)
    for key in fields:
        text.known(key, ("model", "draws", *Settings.__dataclass_fields__), "key of 'train'", (*place, key))
    if "model" not in fields:
        raise text.error("'train' needs 'model': what the model will say of itself", place)
    said = text.mapping(fields.pop("model"), (*place, "model"))
    for key in ("weights", "figures"):
        if key in said:
            raise text.error(f"{key!r} of a model is what its training makes", (*place, "model", key))
    said["weights"] = {"format": "safetensors", "files": {WEIGHTS: PENDING}}
    model: Descriptor = text.made(said, "model", Descriptor, (*place, "model"))
    entries = fields.pop("draws", [])
    if not isinstance(entries, list):
        raise text.error("'draws' must be a list", (*place, "draws"))
    drawn = tuple(_draw(text, entry, (*place, "draws", n)) for n, entry in enumerate(entries))
    settings: Settings = text.made(fields, "train", Settings, place)
    known = {0, *(structure.value for structure in model.structures)}
    if not known.issuperset(value for pair in settings.swap for value in pair):
        raise text.error("'swap' of 'train' names a value that is no structure", (*place, "swap"))
    return Training(settings, model, drawn)


def json_schema() -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON Schema of a ``train`` block, and the definitions that it refers to."""
    made, model = adapter(Settings).json_schema(), adapter(Descriptor).json_schema()
    defs = model.pop("$defs")
    model["properties"] = {k: v for k, v in model["properties"].items() if k not in ("weights", "figures")}
    model["required"] = [key for key in model["required"] if key != "weights"]
    use = {"type": "object", "properties": {"use": {"enum": sorted(draws.available())}}, "required": ["use"]}
    made["properties"] |= {"model": model, "draws": {"type": "array", "items": use}}
    made["required"] = [*made["required"], "model"]
    return made, {key: value for key, value in defs.items() if key != "Weights"}


def _draw(text: Text, entry: Any, at: Place) -> Draw:
    fields, known = text.mapping(entry, at), draws.available()
    name = text.known(fields.pop("use", None), tuple(known), "draw", (*at, "use"))
    draw: Draw = text.made(fields, name, known[name], at)
    if isinstance(draw, Warp) and draw.spacing is not None:
        raise text.error("the network's grid decides the spacing of a patch", (*at, "spacing"))
    return draw
