"""Kernels in CUDA C++: for CuPy arrays, what the numba kernels are for NumPy arrays.

``x.cu`` holds kernels and ``x.py`` beside it launches them.  The sources are one text for NVRTC, which CuPy hands
them to at first use, and for g++, by which the tests run them thread by thread on a CPU.  Every multiplication and
addition is rounded by itself (``--fmad=false``), in the order of the compiled CPU forms: the same bits (L12), but for
the payload of a NaN, and for float32 numbers below 2^-126, which all that CuPy compiles takes for zero (``-ftz=true``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.kernels.ramp import Ramp
from pipeline.xp import Array, namespace

OPTIONS = ("--std=c++17", "--fmad=false")
"""Of the compiler; division and square root are IEEE 754's by default."""

WORDS = {"int8": "i8", "int16": "i16", "int32": "i32", "uint8": "u8", "uint16": "u16", "uint32": "u32"}
WORDS |= {"uint64": "u64", "float16": "f16", "float32": "f32", "float64": "f64", "bool": "u8"}
"""What voxel.cuh calls the types of NumPy."""

NOTHING = np.uint64(0)
"""A pointer to no array, as an argument."""

_INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', re.MULTILINE)


def kernel(name: str, *types: np.dtype | str | int | bool) -> str:
    """A kernel and its template arguments, as C++ writes them.

    >>> kernel("linear", np.dtype("int16"), "float16", True)
    'linear<i16, f16, true>'
    """
    return f"{name}<{', '.join(map(_word, types))}>"


def text(source: str) -> str:
    """The whole text of a source: CuPy's cache of compiled code looks at the text, not at what it includes."""
    folder = Path(__file__).parent
    return _INCLUDE.sub(lambda found: text(found[1]), (folder / source).read_text())


def launch(
    source: str, kernel: str, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any], shared: int = 0
) -> None:
    """Queue ``kernel`` of ``source`` on CuPy's current stream.

    Parameters
    ----------
    grid, block : blocks, and threads of a block, along x, y, z; no launch where one of them is 0
    arguments : CuPy arrays (their pointers) and NumPy scalars, of exactly the types of the kernel's parameters
    shared : bytes of shared memory a block
    """
    if min(grid):
        _compiled(source, kernel)(tuple(grid), tuple(block), tuple(arguments), shared_mem=shared)


Lines = tuple[Array, np.int64, np.int64]
"""A 3-D array as kernels take it: where it begins, and voxels from one slice, one line, to the next."""


def readable(x: Array) -> Lines:
    """The lines of an array; of a copy where they are not contiguous."""
    return _lines(x if _contiguous(x) else namespace(x).ascontiguousarray(x))


def writeable(x: Array) -> Lines:
    """The lines of an array.  Raises ValueError where they are not contiguous."""
    if not _contiguous(x):
        raise ValueError("out must have contiguous lines")
    return _lines(x)


def numbers(ramp: Ramp | None) -> tuple[np.float32, ...]:
    """Low, high, base and scale of a ramp, or what stands for them where there is none."""
    told = (0, 0, 0, 0) if ramp is None else (ramp.low, ramp.high, ramp.base, ramp.scale)
    return tuple(map(np.float32, told))


def parts(length: int, size: int) -> int:
    """How many parts of ``size`` hold ``length``."""
    return -(-length // size)


def _lines(x: Array) -> Lines:
    plane, row, _ = (np.int64(stride // x.itemsize) for stride in x.strides)
    return x, plane, row


def _contiguous(x: Array) -> bool:
    return bool(x.shape[2] == 1 or x.strides[2] == x.itemsize)


@cache
def _compiled(source: str, kernel: str) -> Any:
    """One instance of a kernel.  CuPy keeps one binary a device, and compiled code in its cache folder."""
    import cupy

    module = cupy.RawModule(code=text(source), options=OPTIONS, name_expressions=(kernel,))
    return module.get_function(kernel)


def _word(value: np.dtype | str | int | bool) -> str:
    if isinstance(value, int):
        return str(value).lower()
    return WORDS[np.dtype(value).name]
