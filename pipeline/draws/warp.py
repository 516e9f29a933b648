"""Random turns, scales, mirrors, shifts and bends."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np

from pipeline.draws import Draw
from pipeline.elastic import FOLD, Elastic
from pipeline.stages import Stage
from pipeline.stages.transform import Transform
from pipeline.volume import Kind, Spec

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Warp(Draw):
    """A ``transform`` of random numbers: with the resampling to ``spacing`` it is one interpolation.

    Each part happens by its own chance and is drawn evenly from its range.  Of a volume of one slice nothing leaves its
    plane.  Label maps take the same numbers.

    Attributes
    ----------
    spacing : mm along k, j, i; None: as it is
    degrees : most that is turned either way about the axes k, j, i
    turn_chance : of turning at all, 0 to 1
    scale : least and most, the same along all axes; above 1 what is seen is larger
    scale_chance : of scaling
    mirror_chance : of seeing k, j, i in reverse
    shift_mm : most that is shifted either way along k, j, i
    shift_chance : of shifting
    control_mm : distance of the control points of the elastic displacement
    magnitude_mm : least and most that one of them is moved along x, y and z; at most 0.4 of their distance, so that
        nothing folds
    elastic_chance : of bending
    order, antialias, fill, labels : as in ``transform``

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    spacing: Triple | None = None
    degrees: Triple = (0.0, 0.0, 0.0)
    turn_chance: float = 1.0
    scale: tuple[float, float] = (1.0, 1.0)
    scale_chance: float = 1.0
    mirror_chance: Triple = (0.0, 0.0, 0.0)
    shift_mm: Triple = (0.0, 0.0, 0.0)
    shift_chance: float = 1.0
    control_mm: float = 40.0
    magnitude_mm: tuple[float, float] = (0.0, 0.0)
    elastic_chance: float = 1.0
    order: Literal[0, 1, 3] = 1
    antialias: bool = False
    fill: float | None = None
    labels: Literal["nearest", "linear"] = "nearest"

    takes: ClassVar[tuple[Kind, ...]] = ("image", "labels")

    def __post_init__(self) -> None:
        if not all(isfinite(most) and most >= 0 for most in (*self.degrees, *self.shift_mm)):
            raise ValueError("degrees and shift_mm must be finite and at least 0")
        for field in ("turn_chance", "scale_chance", "shift_chance", "elastic_chance", "mirror_chance"):
            chances = getattr(self, field)
            if not all(0 <= p <= 1 for p in (chances if isinstance(chances, tuple) else (chances,))):
                raise ValueError(f"{field} must lie within 0 and 1")
        if not (isfinite(self.scale[1]) and 0 < self.scale[0] <= self.scale[1]):
            raise ValueError("scale must be least and most, finite and above 0")
        if not (isfinite(self.control_mm) and self.control_mm > 0):
            raise ValueError("control_mm must be a finite number above 0")
        if not 0 <= self.magnitude_mm[0] <= self.magnitude_mm[1] <= FOLD * self.control_mm:
            raise ValueError(f"magnitude_mm must be least and most, within 0 and {FOLD} * control_mm: more could fold")
        self._still()

    def spec(self, source: Spec) -> Spec:
        return self._still().spec(source)

    def draw(self, rng: np.random.Generator, source: Spec) -> Stage:
        u = [rng.random() for _ in range(17)]
        flat = [n == 1 for n in source.grid.shape]
        turns, scales, shifts, bends = (
            part < chance
            for part, chance in zip(
                u[:4], (self.turn_chance, self.scale_chance, self.shift_chance, self.elastic_chance), strict=True
            )
        )
        degrees = _either_way(u[4:7], self.degrees) if turns else _NONE
        # A turn about an axis takes the other two into one another.
        degrees = _where([not any(flat[:n] + flat[n + 1 :]) for n in range(3)], degrees, 0.0)
        least, most = self.scale
        factor = least + (most - least) * u[7] if scales else 1.0
        mirror = [part < chance for part, chance in zip(u[8:11], self.mirror_chance, strict=True)]
        shift = _either_way(u[11:14], self.shift_mm) if shifts else _NONE
        small, large = self.magnitude_mm
        magnitude = small + (large - small) * u[14]
        key = int(u[15] * 2**32) << 32 | int(u[16] * 2**32)
        upright = [not n for n in flat]
        return Transform(
            spacing=self.spacing,
            degrees=degrees,
            scale=_where(upright, (factor,) * 3, 1.0),
            mirror=(mirror[0], mirror[1], mirror[2]),
            shift_mm=_where(upright, shift, 0.0),
            elastic=Elastic(self.control_mm, magnitude, key) if bends and magnitude else None,
            order=self.order,
            antialias=self.antialias,
            fill=self.fill,
            labels=self.labels,
        )

    def _still(self) -> Transform:
        """What is drawn where nothing happens."""
        return Transform(
            spacing=self.spacing, order=self.order, antialias=self.antialias, fill=self.fill, labels=self.labels
        )


_NONE: Triple = (0.0, 0.0, 0.0)


def _either_way(parts: list[float], most: Triple) -> Triple:
    k, j, i = ((2 * part - 1) * m for part, m in zip(parts, most, strict=True))
    return k, j, i


def _where(kept: list[bool], values: Triple, other: float) -> Triple:
    k, j, i = (value if keep else other for keep, value in zip(kept, values, strict=True))
    return k, j, i
