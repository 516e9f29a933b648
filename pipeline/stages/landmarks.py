"""Landmarks: a piecewise linear map of intensities.  What Nyul's standard scale and equalisation become."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from pipeline.grid import Grid
from pipeline.kernels import lookup
from pipeline.kernels import ramp as ramps
from pipeline.stages import Stage
from pipeline.volume import Kind, Spec, Volume


@dataclass(frozen=True)
class Landmarks(Stage):
    """Intensity ``source[n]`` becomes ``target[n]``, with straight lines between; see ``kernels.lookup.piecewise``.

    Where ``target`` rises strictly its inverse is the same stage with source and target exchanged: see ``inverse``.

    Attributes
    ----------
    source : at least two intensities, rising strictly in float32
    target : as many
    flat : beyond the outermost landmarks the result stays theirs; else their lines go on

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    source: tuple[float, ...]
    target: tuple[float, ...]
    flat: bool = False
    dtype: Literal["float16", "float32", "uint8"] = "float32"

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    units: ClassVar[str | None] = "1"

    def __post_init__(self) -> None:
        if self.dtype not in ramps.DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(ramps.DTYPES)}")
        lookup.lines(self.source, self.target)

    @property
    def inverse(self) -> Landmarks:
        """What makes the source of the result again, to the rounding of float32.

        Raises ValueError where two landmarks have one target.
        """
        return Landmarks(self.target, self.source, self.flat)

    def spec(self, source: Spec) -> Spec:
        return replace(source, dtype=np.dtype(self.dtype))

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        part = volume.crop_to(piece)
        made = lookup.piecewise(part.intensities, self.source, self.target, self.flat, self.dtype)
        return part.with_array(made)
