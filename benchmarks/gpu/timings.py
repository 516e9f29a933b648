"""How long it takes: the reference job's kernels, and what CuPy and torch have for the same.

Bytes are those that must be read and written once; their share of a measured copy tells how far a kernel is from what
memory allows.  Predictions for an H100, written before anything ran: linear with a window to float16 0.12 to 0.18 ms
(the floor is 0.09), cubic 0.6 to 1.2 ms, affine linear 0.3 to 0.6 ms, histogram of int16 0.06 to 0.12 ms, SSIM with
errors 0.2 to 0.5 ms, normal numbers 0.1 to 0.2 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.gpu.machine import Cpu, Gpu
from benchmarks.gpu.parity import image
from pipeline.grid import Grid
from pipeline.kernels import affine, components, distance, histogram, intensity, morphology, philox, quality, tables
from pipeline.kernels.positions import Positions
from pipeline.kernels.ramp import window
from pipeline.kernels.resample import resample
from pipeline.xp import namespace

Timed = tuple[str, Callable[[], object], int]
"""Name, what runs, and the bytes that it must move."""

SOURCE_MM = (1.25, 0.75, 0.75)


def ours(machine: Cpu, shape: tuple[int, int, int]) -> Iterator[Timed]:
    """A CT of ``shape`` at 1.25 x 0.75 x 0.75 mm, to 1 mm."""
    grid = Grid(np.diag([*SOURCE_MM, 1.0]), shape)
    target = grid.respace((1.0, 1.0, 1.0))
    x = machine.put(image("int16", shape))
    xp, soft = namespace(x), window(40, 400, "float16")

    def axes(make: Callable[..., tables.Table], *more: Any) -> list[tables.Table]:
        lines = zip(grid.axes(target), target.shape, shape, strict=True)
        return [make(*line, *more, (0, n), (0, m)) for line, n, m in lines]

    def case(name: str, order: int, dtype: str, **how: Any) -> Timed:
        made, out = axes(tables.spline, order), xp.empty(target.shape, dtype)
        return name, lambda: resample(x, made, (0, 0, 0), fill=-1024, out=out, **how), x.nbytes + out.nbytes

    yield case("linear int16", 1, "int16")
    yield case("linear, window, float16", 1, "float16", ramp=soft)
    yield case("nearest int16", 0, "int16")
    yield case("cubic int16", 3, "int16")
    yield case("cubic, window, float16", 3, "float16", ramp=soft)
    averages, made = axes(tables.area), xp.empty(target.shape, "int16")
    yield "area int16", lambda: resample(x, averages, (0, 0, 0), fill=-1024, out=made), x.nbytes + made.nbytes

    turned = np.array([[0.98, -0.1, 0.05, 5.0], [0.1, 0.98, -0.05, -20.0], [-0.05, 0.05, 0.99, 10.0]])
    at = Positions(turned, tuple((0, n) for n in shape), tuple((0, n) for n in shape))
    same = xp.empty(shape, "int16")
    for order in (0, 1, 3):
        yield (
            f"affine order {order} int16",
            lambda order=order: affine.affine(x, at, (0, 0, 0), order=order, fill=-1024, out=same),  # type: ignore[misc]
            2 * x.nbytes,
        )
    yield "window int16 to float16", lambda: intensity.ramp(x, soft), 2 * x.nbytes
    for dtype in ("int16", "uint8", "float32"):
        y = machine.put(image(dtype, shape))
        yield f"histogram {dtype}", lambda y=y: histogram.count(y, sums=False), y.nbytes  # type: ignore[misc]
    a = quality.quantise(x, -160, 240)
    b = quality.quantise(intensity.ramp(x, window(40, 390, "float32")), 0, 1)
    yield "SSIM, squared and absolute error", lambda: quality.compare(a, b), a.nbytes + b.nbytes
    yield "normal numbers", lambda: philox.normal(7, (0, 0, 0), shape, 0, xp), 4 * x.size

    body = (x > -500).astype(np.uint8)
    yield "components", lambda: components.label(body), 5 * body.size
    yield "closing by 2 mm", lambda: morphology.closing(body, morphology.ball(2.0, SOURCE_MM)), 2 * body.size
    yield "distance", lambda: distance.distance(body, SOURCE_MM), 5 * body.size


def peers(machine: Gpu, shape: tuple[int, int, int]) -> Iterator[Timed]:
    """CuPy's own chain, and torch's."""
    import torch
    from cupyx.scipy import ndimage

    grid = Grid(np.diag([*SOURCE_MM, 1.0]), shape)
    target = grid.respace((1.0, 1.0, 1.0)).shape
    x = machine.put(image("int16", shape))
    moved, zoom = x.nbytes + 2 * target[0] * target[1] * target[2], [n / m for n, m in zip(target, shape, strict=True)]

    def chain(order: int) -> Any:
        y = ndimage.zoom(x.astype(np.float32), zoom, order=order, mode="nearest", grid_mode=True)
        return (((y.clip(-160, 240)) + 160) / 400).astype(np.float16)

    for order in (1, 3):
        yield f"CuPy: zoom order {order}, window, float16", lambda order=order: chain(order), moved  # type: ignore[misc]
    t = torch.as_tensor(image("int16", shape), device="cuda")

    def interpolate() -> Any:
        y = torch.nn.functional.interpolate(t.float()[None, None], size=target, mode="trilinear", align_corners=False)
        return ((y.clamp_(-160, 240) + 160) / 400).half()

    yield "torch: interpolate, window, float16", interpolate, moved


def copy_rate(machine: Gpu, size: int = 1 << 30) -> dict[str, float]:
    """GB/s that a copy on the device reads and writes, and of transfers from and to pinned memory."""
    import cupy

    here, there = cupy.zeros(size, np.uint8), cupy.zeros(size, np.uint8)
    pinned = cupy.cuda.alloc_pinned_memory(size >> 2)
    host = np.frombuffer(pinned, np.uint8, size >> 2)
    host[:] = 1
    part = here[: host.size]
    rate = {
        "copy_gb_s": 2 * size / machine.events_ms(lambda: cupy.copyto(there, here), 10) / 1e6,
        "to_device_gb_s": host.size / machine.events_ms(lambda: part.set(host), 5) / 1e6,
        "to_host_gb_s": host.size / machine.events_ms(lambda: part.get(out=host), 5) / 1e6,
    }
    return rate
