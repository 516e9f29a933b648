"""What an exported array says of itself beside its voxels: ids, units, stages, what its labels mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.export.published import Content
from pipeline.volume import Volume

_OF_LABELS = ("modality", "stages")
_OF_IMAGES = (*_OF_LABELS, "units", "padding", "lossy", "spacing_source")


def description(content: Content) -> dict[str, Any]:
    """As JSON has it; nothing in it is of a header but numbers and closed vocabularies."""
    labels = content.volume.kind == "labels"
    facts = {name: content.facts[name] for name in (_OF_LABELS if labels else _OF_IMAGES) if name in content.facts}
    return {
        "volume_id": content.volume_id,
        "recipe": content.recipe,
        "output": content.output,
        "fingerprint": content.fingerprint,
        "kind": content.volume.kind,
        "affine_kji_to_lps_mm": content.volume.grid.affine.tolist(),
        **facts,
        **({"labels": [asdict(structure) for structure in content.structures]} if labels else {}),
    }


def plain(volume: Volume) -> np.ndarray:
    """Voxels in a type that every reader knows: float16 as float32, a truth value as uint8; exact."""
    array = volume.array
    return array.astype({"f2": "f4", "b1": "u1"}.get(array.dtype.str[1:], array.dtype), copy=False)
