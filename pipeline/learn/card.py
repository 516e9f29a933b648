"""A trained network as a folder that is a model: weights, ``model.yaml``, a card for people, the learning curve."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from safetensors.torch import save

from pipeline.learn.curve import drawn
from pipeline.learn.state import State
from pipeline.models.descriptor import Descriptor, Weights
from pipeline.models.descriptor_text import text
from pipeline.models.library import CARD
from pipeline.store.faults import store_errors
from pipeline.store.files import replace as put
from pipeline.training import WEIGHTS, Training


def publish(folder: Path, training: Training, state: State, trained: int, validated: int) -> None:
    """Write the folder; the card that makes it a model comes last.  ``trained`` and ``validated`` count volumes.

    Raises StoreError where the disk refuses.
    """
    weights = save(dict(sorted(state.weights.items())))
    pinned = Weights("safetensors", {WEIGHTS: sha256(weights).hexdigest()})
    model = replace(training.model, weights=pinned, figures=_figures(state, validated))
    with store_errors():
        put(folder / WEIGHTS, weights)
        put(folder / "curve.svg", drawn(state.points).encode())
        put(folder / "README.md", card(model, training, state, trained, validated).encode())
        put(folder / CARD, text(model).encode())


def card(model: Descriptor, training: Training, state: State, trained: int, validated: int) -> str:
    """The model card (Mitchell et al. 2019): what it is, what it was trained on, what was measured, what it cannot."""
    settings = training.settings
    structures = "\n".join(f"| {s.value} | {s.name} | {s.code or ''} |" for s in model.structures)
    figures = "\n".join(f"- {figure}" for figure in model.figures) or "Nothing was measured while it was trained."
    parameters = sum(tensor.numel() for tensor in state.weights.values())
    return f"""# {model.name}

{model.summary}

| value | structure | SNOMED CT |
|---|---|---|
{structures}

Licence: {model.licence}

## Trained on

{model.training_data}

{trained} volumes; {validated} volumes of other patients for validation.  {settings.steps} steps of {settings.batch}
patches of {" x ".join(map(str, model.patch))} voxels, loss {settings.loss}, first learning rate
{settings.learning_rate:g}, seed {settings.seed}; {parameters:,} parameters.

## Measured

{figures}

![learning curve](curve.svg)

## Limits

{model.limits}
"""


def _figures(state: State, validated: int) -> tuple[str, ...]:
    last = state.points[-1]
    return tuple(
        f"{name}: Dice {dice:.4f} after {last.step} steps, on {validated} volumes of patients that were not trained on"
        for name, dice in last.dice.items()
    )
