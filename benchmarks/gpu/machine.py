"""Where a case runs, and its clock: a GPU through CuPy, or the CPU for a trial run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np

from pipeline.kernels import cuda
from pipeline.xp import Array, namespace, to_device

Case = Callable[[], object]


class Cpu:
    """NumPy in place of CuPy: for a trial run without a GPU."""

    name = "cpu"

    def put(self, x: np.ndarray) -> Array:
        return x

    def call_ms(self, case: Case, repeats: int) -> float:
        """Milliseconds that the caller waits for the result, the median of ``repeats`` runs after one."""
        case()
        return median(self._wall(case) for _ in range(repeats))

    def device_ms(self, case: Case, repeats: int) -> float | None:
        """Milliseconds of the kernels alone; None where there are none of ours."""
        return None

    def _wall(self, case: Case) -> float:
        start = time.perf_counter()
        case()
        self.wait()
        return 1e3 * (time.perf_counter() - start)

    def wait(self) -> None:
        """Until all that was queued is done."""


class Gpu(Cpu):
    """The first GPU."""

    def __init__(self) -> None:
        import cupy

        self._cupy = cupy
        self.name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()

    def put(self, x: np.ndarray) -> Array:
        return to_device(x)

    def wait(self) -> None:
        self._cupy.cuda.Device().synchronize()

    def device_ms(self, case: Case, repeats: int) -> float | None:
        """The launches of a run are noted and queued again by themselves, between two events."""
        with noted() as launches:
            case()
        if not launches:
            return None
        return self.events_ms(lambda: [cuda.launch(*launch) for launch in launches], repeats)

    def events_ms(self, case: Case, repeats: int) -> float:
        """Median of milliseconds between two events about a case; ten runs about them keep the GPU awake."""
        found = []
        for _ in range(repeats):
            start, stop = self._cupy.cuda.Event(), self._cupy.cuda.Event()
            case()
            start.record()
            for _ in range(10):
                case()
            stop.record()
            stop.synchronize()
            found.append(self._cupy.cuda.get_elapsed_time(start, stop) / 10)
        return median(found)


@contextmanager
def noted() -> Iterator[list[tuple[Any, ...]]]:
    """What is launched meanwhile, in order."""
    launches: list[tuple[Any, ...]] = []
    launch = cuda.launch

    def note(*how: Any) -> None:
        launches.append(how)
        launch(*how)

    cuda.launch = note  # type: ignore[assignment]
    try:
        yield launches
    finally:
        cuda.launch = launch  # type: ignore[assignment]


def host(value: Any) -> Any:
    """What a case made, with all arrays brought to the host."""
    if isinstance(value, tuple | list):
        return tuple(map(host, value))
    return value if not hasattr(value, "shape") or namespace(value) is np else value.get()
