"""SciPy and scikit-image stand in for cuCIM, which makes the same calls: the bodies for CuPy arrays, run on the CPU."""

import sys
from types import ModuleType
from unittest.mock import patch

import skimage
import skimage.measure
import skimage.morphology
from scipy import ndimage


def _distance_transform_edt(image, sampling=None, *, float64_distances=False):
    assert float64_distances
    return ndimage.distance_transform_edt(image, sampling)


_operations = ModuleType("cucim.core.operations.morphology")
_operations.distance_transform_edt = _distance_transform_edt

cucim = patch.dict(
    sys.modules,
    {
        "cucim": ModuleType("cucim"),
        "cucim.skimage": skimage,
        "cucim.skimage.measure": skimage.measure,
        "cucim.skimage.morphology": skimage.morphology,
        "cucim.core.operations.morphology": _operations,
    },
)
