"""NumPy or CuPy, decided by the array in hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
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


def to_host(x: Array) -> np.ndarray:
    """The array as NumPy's; itself where it is."""
    return x if namespace(x) is np else x.get()


def to_device(x: Array) -> Array:
    """The array as CuPy's, on the current device; itself where it is."""
    import cupy

    return cupy.asarray(x)


def borrow_allocator(malloc: Callable[[int, int], int], free: Callable[[int, int], None]) -> None:
    """From now on CuPy's arrays live in memory that another library hands out: one pool for both.

    Parameters
    ----------
    malloc : (bytes, device) -> address
    free : (address, device)
    """
    import cupy

    allocator = cupy.cuda.memory.PythonFunctionAllocator(malloc, free)
    cupy.cuda.set_allocator(allocator.malloc)
