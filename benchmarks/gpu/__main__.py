"""``python -m benchmarks.gpu --date DATE [--json FILE] [--seconds 460] [--smoke]``

Every part is on its own: what fails is noted, and the rest goes on; what would begin after the time is over is noted
as left out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.gpu import inference, parity, timings
from benchmarks.gpu.machine import Cpu, Gpu, host

PACKAGES = ("numpy", "numba", "scipy", "scikit-image", "cupy-cuda13x", "cucim-cu13", "torch")
LARGE, SMALL = (300, 512, 512), (12, 20, 24)


class Clock:
    """Says whether there is time left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() > self._end


def expected(workers: int) -> dict[str, Any]:
    """Of each case a future of what the CPU gives; worker processes compile beside one another."""
    if workers < 2:
        return {}
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    futures: dict[str, Future[Any]] = {name: pool.submit(parity.on_cpu, name) for name in parity.CASES}
    pool.shutdown(wait=False)
    return futures


def compared(machine: Cpu, clock: Clock, workers: int) -> Iterator[dict[str, Any]]:
    """A row a case: is the result the CPU's?"""
    futures = expected(workers)
    for name, run in parity.CASES.items():
        try:
            if clock.over:
                yield {"case": name, "passed": None, "why": "no time was left"}
                continue
            told = host(run(machine.put))
            wanted = futures[name].result(timeout=240) if futures else parity.on_cpu(name)
            yield parity.compared(name, wanted, told)
        except Exception as error:
            yield {"case": name, "passed": False, "why": _reason(error)}
    for future in futures.values():
        future.cancel()


def timed(machine: Cpu, cases: Iterator[timings.Timed], clock: Clock, repeats: int) -> Iterator[dict[str, Any]]:
    """A row a case: milliseconds of the call, of the kernels alone, and bytes a second."""
    while True:
        name = "the next"
        try:
            if clock.over:
                yield {"case": name, "why": "no time was left"}
                return
            name, case, moved = next(cases)
            call, device = machine.call_ms(case, repeats), machine.device_ms(case, repeats)
            yield {"case": name, "call_ms": call, "device_ms": device, "gb_s": moved / (device or call) / 1e6}
        except StopIteration:
            return
        except Exception as error:
            yield {"case": name, "why": _reason(error)}


def inferred(machine: Cpu, clock: Clock, smoke: bool) -> Iterator[dict[str, Any]]:
    """A row a precision, layout and batch: what differs from float32 on the CPU, and patches a second."""
    try:
        for name, run in inference.cases(machine, smoke):
            if clock.over:
                yield {"case": name, "passed": None, "why": "no time was left"}
                continue
            try:
                yield {"case": name, **run()}
            except Exception as error:
                yield {"case": name, "passed": False, "why": _reason(error)}
    except Exception as error:
        yield {"case": "network", "passed": False, "why": _reason(error)}


def _reason(error: Exception) -> str:
    traceback.print_exc(limit=4)
    return f"{type(error).__name__}: {error}"[:400]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every parity case that ran passed and every timing was taken, else 1."""
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description="Parity and timings on a GPU.")
    parser.add_argument("--date", required=True, help="written to the file as it is")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=float, default=460, help="no part begins after that")
    parser.add_argument("--smoke", action="store_true", help="tiny, with NumPy in place of CuPy")
    parser.add_argument("--workers", type=int, default=12, help="processes that compute what the CPU gives")
    told = parser.parse_args(arguments)
    clock, machine = Clock(told.seconds), Cpu() if told.smoke else Gpu()
    shape, repeats, workers = (SMALL, 1, 1) if told.smoke else (LARGE, 9, told.workers)

    result: dict[str, Any] = {"benchmark": "gpu", "date": told.date, "device": machine.name, "versions": _versions()}
    if isinstance(machine, Gpu):
        result["rates"] = timings.copy_rate(machine)
        print(result["rates"], flush=True)
    sections = {
        "parity": compared(machine, clock, workers),
        "inference": inferred(machine, clock, told.smoke),
        "timings": timed(machine, timings.ours(machine, shape), clock, repeats),
    }
    if isinstance(machine, Gpu):
        sections["peers"] = timed(machine, timings.peers(machine, shape), clock, repeats)
    for name, rows in sections.items():
        result[name] = []
        for row in rows:
            result[name].append(row)
            print(name, json.dumps(row), flush=True)
            if told.json:  # whatever comes next
                told.json.write_text(json.dumps(result, indent=1) + "\n")
    failed = [row for name in ("parity", "inference") for row in result[name] if row["passed"] is False]
    failed += [row for row in result["timings"] if "why" in row]
    print(f"{len(result['parity'])} cases compared, {len(result['timings'])} timed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
