"""What is kept of each structure: islands that a network sees where there are none are left out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pipeline.kernels import components
from pipeline.models.descriptor import Keep
from pipeline.volume import Volume


def kept(labels: Volume, rules: Iterable[Keep]) -> Volume:
    """The label map, whole, with background in place of the components that its rules do not keep."""
    array = labels.array
    for rule in rules:
        own = array == rule.value
        found = components.find(own)
        sizes = found.sizes()
        stays = sizes * labels.grid.voxel_mm3 >= rule.min_mm3
        if rule.largest and sizes.size:
            first = components.by_size(sizes)[0]
            stays &= np.arange(sizes.size) == first
        if not stays.all():
            array = np.where(own & (found.paint(stays.astype(np.uint8)) == 0), array.dtype.type(0), array)
    return labels.with_array(array)
