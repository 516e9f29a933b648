"""CUDA kernels on a CPU: each source is compiled by g++ with ``cpu.h``, once a session."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.kernels import cuda

GXX = ("g++", "-std=c++20", "-O1", "-ffp-contract=off", "-fno-strict-aliasing", "-shared", "-fPIC", "-w")


class Oracle:
    """Stands in for ``cuda.launch`` and takes NumPy arrays.

    kernels : by source, all instances that are compiled with it
    """

    def __init__(self, folder: Path, kernels: dict[str, Sequence[str]]) -> None:
        self._folder, self._kernels = folder, kernels
        self._libraries: dict[str, ctypes.CDLL] = {}
        self.launched: set[str] = set()

    def launch(self, source, kernel, grid, block, arguments, shared=0):
        """As ``cuda.launch``.  Raises AssertionError where a kernel is misused: see ``cpu.h``."""
        if not min(grid):
            return
        library = self._libraries.get(source) or self._compiled(source)
        held = [a if isinstance(a, np.ndarray) else np.array(a) for a in arguments]
        pointers = [np.array(a.ctypes.data) if isinstance(a, np.ndarray) else h for a, h in zip(arguments, held, strict=True)]
        places = (ctypes.c_void_p * len(held))(*(p.ctypes.data for p in pointers))
        sizes = (ctypes.c_int * len(held))(*(p.nbytes for p in pointers))
        shape = (ctypes.c_uint * 6)(*grid, *block)
        run = library[f"run{self._kernels[source].index(kernel)}"]
        failed = run(shape, ctypes.c_size_t(shared), places, sizes, ctypes.c_int(len(held)))
        assert not failed, f"{kernel}: {library.why().decode()}"
        self.launched.add(kernel)

    def _compiled(self, source: str) -> ctypes.CDLL:
        path = self._folder / source.replace(".cu", ".cpp")
        lines = ["#include <type_traits>", f'#include "{Path(__file__).with_name("cpu.h")}"', cuda.text(source)]
        for n, kernel in enumerate(self._kernels[source]):
            lines.append(
                f'extern "C" int run{n}(const unsigned* s, std::size_t b, void** a, const int* z, int c) '
                f"{{ return cpu::call(&{kernel}, s, b, a, z, c); }}"
            )
        path.write_text("\n".join(lines))
        library = path.with_suffix(".so")
        told = subprocess.run([*GXX, path, "-o", library], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        self._libraries[source] = ctypes.CDLL(str(library))
        self._libraries[source].why.restype = ctypes.c_char_p
        return self._libraries[source]
