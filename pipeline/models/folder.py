"""A model as a folder: its weights, and the ``model.yaml`` that names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from pipeline.errors import ModelError
from pipeline.models.descriptor import Descriptor, Weights
from pipeline.models.descriptor_text import text
from pipeline.models.library import CARD

WEIGHTS = "weights.safetensors"


def stored(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, Weights]:
    """The bytes of a file of weights, float32, and what a descriptor says of it.  Equal arrays give equal bytes."""
    content = save({name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()})
    return content, Weights("safetensors", {WEIGHTS: sha256(content).hexdigest()})


def write(descriptor: Descriptor, arrays: Mapping[str, np.ndarray], folder: Path) -> Descriptor:
    """A new folder that ``library`` finds: ``descriptor``, which names these weights and no others.

    ``model.yaml`` is there last: a folder without it is no model.  Returns the descriptor as it was written.

    Raises ModelError where the folder has another name than the model, is there already, or cannot be made.
    """
    if folder.name != descriptor.name:
        raise ModelError(f"the folder of the model {descriptor.name!r} must bear its name, not {folder.name!r}")
    content, weights = stored(arrays)
    made = replace(descriptor, weights=weights)
    try:
        folder.mkdir(parents=True)
        (folder / WEIGHTS).write_bytes(content)
        card = folder / f"{CARD}.partial"
        card.write_text(text(made), "utf-8")
        card.rename(folder / CARD)
    except FileExistsError:
        raise ModelError(f"the folder {folder.name!r} is there already: name another, or remove it") from None
    except OSError as error:
        raise ModelError(f"the folder {folder.name!r} cannot be written: {error.strerror}") from None
    return made
