"""SciPy and scikit-image stand in for cuCIM, which makes the same calls: the bodies for CuPy arrays, run on the CPU."""

from types import ModuleType

import skimage
import skimage.measure
import skimage.morphology
from scipy import ndimage

from tests.cuda.standin import replaced


def _distance_transform_edt(image, sampling=None, *, float64_distances=False):
    assert float64_distances
    return ndimage.distance_transform_edt(image, sampling)


_operations = ModuleType("cucim.core.operations.morphology")
_operations.distance_transform_edt = _distance_transform_edt


def cucim():
    """While it lasts, cuCIM is what scikit-image and SciPy are."""
    return replaced(
        {
            "cucim": ModuleType("cucim"),
            "cucim.skimage": skimage,
            "cucim.skimage.measure": skimage.measure,
            "cucim.skimage.morphology": skimage.morphology,
            "cucim.core.operations.morphology": _operations,
        }
    )
