"""CUDA kernels on a CPU: g++ compiles a source together with ``cpu.h``, which runs it thread by thread."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.kernels import cuda
from tests.cuda.standin import Array

GXX = ("g++", "-std=c++20", "-O1", "-ffp-contract=off", "-fno-strict-aliasing", "-shared", "-fPIC", "-w")
ENTRY = """
extern "C" int run{n}(const unsigned* shape, std::size_t shared, void** arguments, const int* sizes, int given) {{
    return cpu::call(&{kernel}, shape, shared, arguments, sizes, given);
}}
"""


class Oracle:
    """Does what ``cuda.launch`` does, on the arrays of ``standin``.

    Parameters
    ----------
    folder : where to compile
    source : the name of a source of ``pipeline/kernels/cuda``, or a text of one's own
    kernels : all instances that will be launched
    """

    def __init__(self, folder: Path, source: str, kernels: Sequence[str]) -> None:
        self.source, self.kernels = source, list(dict.fromkeys(kernels))
        text = cuda.text(source) if source.endswith(".cu") else source
        path = folder / "kernels.cpp"
        entries = [ENTRY.format(n=n, kernel=kernel) for n, kernel in enumerate(self.kernels)]
        path.write_text("\n".join([f'#include "{Path(__file__).with_name("cpu.h")}"', text, *entries]))
        library = path.with_suffix(".so")
        told = subprocess.run([*GXX, path, "-o", library], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        self._library = ctypes.CDLL(str(library))
        self._library.why.restype = ctypes.c_char_p

    def launch(
        self,
        source: str,
        kernel: str,
        grid: Sequence[int],
        block: Sequence[int],
        arguments: Sequence[Any],
        shared: int = 0,
    ) -> None:
        """As ``cuda.launch``.  Raises AssertionError where a kernel is misused or does wrong: see ``cpu.h``."""
        assert source == self.source
        assert all(isinstance(a, Array | np.generic) for a in arguments), (
            "arguments are arrays on the device, and scalars"
        )
        if not min(grid):
            return
        # An array goes in as its address, a number as itself, and both by a pointer to them.
        values = [np.array(a.ctypes.data if isinstance(a, np.ndarray) else a) for a in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(v.ctypes.data for v in values))
        sizes = (ctypes.c_int * len(values))(*(v.nbytes for v in values))
        shape = (ctypes.c_uint * 6)(*grid, *block)
        run = self._library[f"run{self.kernels.index(kernel)}"]
        failed = run(shape, ctypes.c_size_t(shared), pointers, sizes, ctypes.c_int(len(values)))
        assert not failed, f"{kernel}: {self._library.why().decode()}"
