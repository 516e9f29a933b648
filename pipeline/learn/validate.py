"""Dice on whole volumes, by the very code that labels them later."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future

import numpy as np
import torch

from pipeline.learn.subjects import Subject
from pipeline.models import sliding
from pipeline.models.descriptor import Descriptor
from pipeline.models.unet import UNet
from pipeline.store import omezarr


class Live:
    """A network that is being trained, as sliding windows ask for it: one patch after another, float32."""

    ahead = 0

    def __init__(self, network: UNet, device: torch.device) -> None:
        self.network, self.device, self.classes = network, device, network.topology.classes

    def submit(self, patch: np.ndarray) -> Future[np.ndarray]:
        """See ``sliding.Network``."""
        answer: Future[np.ndarray] = Future()
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(patch[None]).to(self.device))
            answer.set_result(logits[0].float().cpu().numpy())
        return answer


def dice(network: UNet, model: Descriptor, subjects: Iterable[Subject], device: torch.device) -> dict[str, float]:
    """``2 |A and B| / (|A| + |B|)`` of each structure, voxels of all subjects added up (Dice 1945).

    A structure that is neither there nor found is left out.  No post-processing.
    """
    both = dict.fromkeys((structure.name for structure in model.structures), 0)
    either = dict(both)
    for subject in subjects:
        image, labels = omezarr.read(subject.image), omezarr.read(subject.labels)
        made = sliding.segment(model, Live(network, device), image, image.grid, image.grid, model.overlap)
        for structure in model.structures:
            found, true = made.array == structure.value, labels.array == structure.value
            both[structure.name] += int(np.count_nonzero(found & true))
            either[structure.name] += int(np.count_nonzero(found)) + int(np.count_nonzero(true))
    return {name: 2 * both[name] / either[name] for name in both if either[name]}
