"""Law L12, case by case: what CuPy arrays give is what NumPy arrays give.

A case is a function of ``put``, which lays an array where it shall be computed; it gives arrays, numbers or stages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.fits.equalize import Equalize
from pipeline.fits.nyul import Nyul
from pipeline.fits.otsu import Otsu
from pipeline.fits.percentiles import Percentiles
from pipeline.fits.zscore import ZScore
from pipeline.grid import Grid
from pipeline.kernels import affine, components, extent, histogram, moments, philox, quality, tables
from pipeline.kernels.positions import Positions
from pipeline.kernels.ramp import window
from pipeline.kernels.resample import resample
from pipeline.stages import Stage
from pipeline.stages.biasfield import BiasField
from pipeline.stages.blur import Blur
from pipeline.stages.brightness import Brightness
from pipeline.stages.clahe import Clahe
from pipeline.stages.clip import Clip
from pipeline.stages.components import Components
from pipeline.stages.contrast import Contrast
from pipeline.stages.crop import Crop
from pipeline.stages.distance import Distance
from pipeline.stages.fill_holes import FillHoles
from pipeline.stages.gamma import Gamma
from pipeline.stages.grow import Grow
from pipeline.stages.hysteresis import Hysteresis
from pipeline.stages.isolate import Isolate
from pipeline.stages.landmarks import Landmarks
from pipeline.stages.linear import Linear
from pipeline.stages.low_resolution import LowResolution
from pipeline.stages.morphology import Morphology
from pipeline.stages.noise import Noise
from pipeline.stages.pad import Pad
from pipeline.stages.reorient import Reorient
from pipeline.stages.resample import Resample
from pipeline.stages.rescale import Rescale
from pipeline.stages.suv import Suv
from pipeline.stages.threshold import Threshold
from pipeline.stages.transform import Transform
from pipeline.stages.voi import Voi
from pipeline.stages.window import Window
from pipeline.volume import Kind, Volume
from pipeline.xp import Array, namespace

Put = Callable[[np.ndarray], Array]
Run = Callable[[Put], Any]

SHAPE = (18, 37, 45)
FRAME = np.array([[0.3, 0.1, 0.7, -40.0], [0.1, 0.8, -0.1, 12.0], [2.4, -0.2, 0.1, 7.5], [0.0, 0.0, 0.0, 1.0]])


def image(dtype: str = "int16", shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """A ball of tissue in air, with noise."""
    radius = sum(((a - (n - 1) / 2) / (n / 2.2)) ** 2 for a, n in zip(np.indices(shape), shape, strict=True))
    x = np.where(radius < 1, 40 + 90 * np.random.default_rng(0).standard_normal(shape), -1000).astype("f4")
    return x.clip(0, 255).astype(dtype) if dtype == "uint8" else x.astype(dtype)


def mask() -> np.ndarray:
    """Many parts and holes."""
    return (np.random.default_rng(1).random(SHAPE) < 0.45).astype("u1")


def _axes(order: int) -> list[tables.Table]:
    return [tables.spline(0.83, -0.9, order, (0, n), (0, n)) for n in SHAPE]


def _resample(dtype: str, order: int, made: str | None = None) -> Run:
    ramp = window(40, 400, made) if made else None
    return lambda put: resample(put(image(dtype)), _axes(order), (0, 0, 0), fill=-7, ramp=ramp)


def _affine(order: int, dtype: str) -> Run:
    matrix = np.array([[0.9, 0.2, -0.1, 0.5], [-0.15, 0.8, 0.2, 1.0], [0.1, -0.2, 0.8, 2.0]])
    spans = tuple((0, n) for n in SHAPE)
    return lambda put: affine.affine(
        put(image(dtype)), Positions(matrix, spans, spans), (0, 0, 0), order=order, fill=-7
    )


def _similar(put: Put) -> Any:
    a, b = (quality.quantise(put(image(dtype)), -160, 240) for dtype in ("int16", "float16"))
    return a, b, tuple(quality.compare(a, b))


def _floats(put: Put) -> Any:
    x = put(image("float32"))
    n, low, high = moments.extremes(x)
    return n, low, high, moments.fixed_sums(x, moments.exponent(max(abs(low), abs(high))))


KERNELS: dict[str, Run] = {
    **{f"resample {d} order {n}": _resample(d, n) for d in ("int16", "uint8", "float32") for n in (0, 1, 3)},
    **{f"resample int16 order {n} window": _resample("int16", n, "float16") for n in (0, 1, 3)},
    **{f"affine {d} order {n}": _affine(n, d) for d in ("int16", "float32") for n in (0, 1, 3)},
    **{
        f"histogram {d}": lambda put, d=d: histogram.count(put(image(d)))  # type: ignore[misc]
        for d in ("uint8", "int16", "float16", "float32")
    },
    "moments int16": lambda put: moments.whole_sums(put(image())),
    "moments float32": _floats,
    "similarity": _similar,
    "extents": lambda put: extent.extents(put(mask() * (1 + np.indices(SHAPE)[0]).astype("u1"))),
    "components": lambda put: components.label(put(mask())),
    "random words": lambda put: philox.words(2**63 + 7, (-3, 5, -7), SHAPE, 2, namespace(put(mask()))),
    "normal numbers": lambda put: philox.normal(2**63 + 7, (-3, 5, -7), SHAPE, 0, namespace(put(mask()))),
}

CONTROL = tuple(tuple(tuple(0.01 * (a + b * c) for c in range(4)) for b in range(4)) for a in range(4))

STAGES: list[tuple[Stage, str]] = [
    (BiasField(CONTROL, tuple(map(tuple, FRAME * (40, 40, 40, 1)))), "float32"),
    (Blur((2.0, 1.0, 1.5)), "int16"),
    (Brightness(1.1, 3.0), "float16"),
    (Clahe(-200.0, 300.0), "int16"),
    (Clip(-100, 200), "int16"),
    (Components(largest=3, numbered=True), "mask"),
    (Contrast(1.2, 40.0), "float32"),
    (Crop(start=(2, 3, 4), stop=(15, 30, 40)), "int16"),
    (Distance(), "mask"),
    (FillHoles(), "mask"),
    (Gamma(0.8, -1000.0, 300.0), "float32"),
    (Grow((tuple(float(v) for v in Grid(FRAME, SHAPE).position((9, 18, 22))),), lower=-500), "int16"),
    (Hysteresis(lower=150, wide_lower=50), "int16"),
    (Isolate(-500.0, 2.0), "int16"),
    (Landmarks((-1000.0, 0.0, 100.0), (0.0, 0.5, 1.0)), "int16"),
    (Linear(40.0, 0.01, -160.0, 240.0), "int16"),
    (LowResolution((0.5, 0.7, 0.6), 3), "float32"),
    (Morphology("close", 2.5), "mask"),
    (Noise(20.0, 7, "poisson"), "int16"),
    (Noise(20.0, 7, "rician"), "float32"),
    (Pad(multiple=(8, 8, 8)), "int16"),
    (Reorient("LPS"), "int16"),
    (Resample((1.0, 1.0, 1.0), order=3, antialias=True), "int16"),
    (Resample((1.0, 1.0, 1.0), labels="linear"), "mask"),
    (Rescale(-1000.0, 1000.0), "int16"),
    (Suv(0.001), "float32"),
    (Threshold(lower=-500, closing_mm=2.0, largest=True), "int16"),
    (Transform(spacing=(1.0, 1.0, 1.0), degrees=(5.0, -8.0, 12.0)), "int16"),
    (Transform(degrees=(5.0, -8.0, 12.0), order=3), "int16"),
    (Voi(40.0, 400.0, True), "int16"),
    (Window(40.0, 400.0), "int16"),
]
"""Every stage at least once, with what it is shown: a dtype, or the mask."""

FITS = (Equalize(), Nyul((1.0, *np.linspace(10.0, 90.0, 9), 99.0)), Otsu(), Percentiles(), ZScore())


def _staged(stage: Stage, shown: str) -> Run:
    def run(put: Put) -> Any:
        volume = _volume(put, shown)
        return stage(volume, stage.spec(volume.spec).grid, volume.spec).array

    return run


def _fitted(fit: Any, dtype: str) -> Run:
    def run(put: Put) -> Any:
        volume = _volume(put, dtype)
        total = fit.tally(volume, None, volume.spec)
        more = fit.detail(total, volume, None, volume.spec)
        return repr(fit.stage(total if more is None else total + more, volume.spec))

    return run


def _volume(put: Put, shown: str) -> Volume:
    kind: Kind = "labels" if shown == "mask" else "image"
    return Volume(put(mask() if shown == "mask" else image(shown)), Grid(FRAME, SHAPE), kind)


CASES: dict[str, Run] = {
    **{f"kernel: {name}": run for name, run in KERNELS.items()},
    **{f"stage: {type(s).__name__} {n} {shown}": _staged(s, shown) for n, (s, shown) in enumerate(STAGES)},
    **{f"fit: {type(f).__name__} {d}": _fitted(f, d) for f in FITS for d in ("int16", "float32")},
}

TOLERANCE = {"Distance": 1e-6, "Clahe": 1e-3}
"""Relative, by the word that is in the name of a case; else the bits must be equal."""


def on_cpu(name: str) -> Any:
    """What a case gives for NumPy arrays."""
    return CASES[name](lambda x: x)


def compared(name: str, expected: Any, told: Any) -> dict[str, Any]:
    """``{case, equal, passed, ...}`` of what the CPU and the GPU gave; both on the host."""
    if isinstance(expected, tuple):
        rows = [compared(name, a, b) for a, b in zip(expected, told, strict=True)]
        return next((row for row in rows if not row["equal"]), rows[0])
    if not isinstance(expected, np.ndarray):
        return {"case": name, "equal": expected == told, "passed": expected == told}
    if expected.shape != told.shape or expected.dtype != told.dtype:
        return {"case": name, "equal": False, "passed": False, "why": "another shape or dtype"}
    equal = bool(np.array_equal(expected, told, equal_nan=expected.dtype.kind == "f"))
    if equal:
        return {"case": name, "equal": True, "passed": True}
    allowed = next((limit for word, limit in TOLERANCE.items() if word in name), 0.0)
    off = np.abs(expected.astype("f8") - told.astype("f8"))
    relative = float(off.max() / max(np.abs(expected.astype("f8")).max(), 1e-300))
    share = float((expected != told).mean())
    return {"case": name, "equal": False, "passed": relative <= allowed, "relative": relative, "differing": share}
