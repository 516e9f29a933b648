"""NumPy or CuPy, decided by the array in hand."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

Array = Any
"""A NumPy or a CuPy array."""


def namespace(x: Array) -> ModuleType:
    """``numpy`` or ``cupy``.  CuPy is never imported to learn that an array is not its own.

    >>> namespace(np.zeros(3)).__name__
    'numpy'
    """
    cupy = sys.modules.get("cupy")
    return cupy if cupy is not None and isinstance(x, cupy.ndarray) else np
