"""What can be done to a volume.  One file, one stage: this folder is the list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from pipeline.grid import Grid
from pipeline.kernels.ramp import Ramp
from pipeline.parts import parts
from pipeline.structure import Structure
from pipeline.volume import Facts, Kind, Spec, Volume


@dataclass(frozen=True)
class Stage:
    """A pure step ``Volume -> Volume``; its fields are its parameters, and nothing else.

    ``spec`` says what comes out, ``reach`` what must be read to make a piece of it, ``__call__`` makes
    the piece.  All three are told ``source``: what is known of the *whole* volume the stage works on.
    The defaults describe a pointwise stage.
    """

    version: ClassVar[int] = 1
    """Of the numbers it makes; part of the fingerprint, held by a golden hash."""

    takes: ClassVar[tuple[Kind, ...]] = ("image", "labels")

    units: ClassVar[str | None] = None
    """Of the values that it makes (UCUM, ``1`` for plain numbers); None: those that it was given."""

    moves: ClassVar[bool] = False
    """Whether voxels are put elsewhere.  Label maps of the source follow these stages, and no others."""

    interpolates: ClassVar[bool] = False
    """Whether it computes values between voxels: of these a branch should have one."""

    deforms: ClassVar[bool] = False
    """Whether what is seen changes its place in the patient: the result is not meant to be like its source."""

    scratch: ClassVar[int] = 3
    """Bytes a voxel, of its source or its result, that it holds beside both at most (law L9)."""

    fuses: ClassVar[bool] = False
    """Whether ``__call__`` takes ``ramp=``: the pointwise step that follows, applied as it writes."""

    source_units: ClassVar[bool] = False
    """Whether it must be handed intensities in the units of the source: no stage before it makes others."""

    @property
    def structures(self) -> tuple[Structure, ...]:
        """What the values of the label map mean that it makes; empty where nobody says."""
        return ()

    def held(self, source: Spec) -> int:
        """Bytes that it holds beside its source and its result at most (law L9)."""
        return self.scratch * max(source.grid.size, self.spec(source).grid.size)

    def spec(self, source: Spec) -> Spec:
        return source

    def reach(self, piece: Grid, source: Spec) -> Grid:
        return piece

    def resolve(self, facts: Facts) -> Stage:
        """The same stage with every default that depends on the volume filled in."""
        return self

    def ramp(self, source: Spec) -> Ramp | None:
        """The arithmetic of a stage that is nothing but a ramp; else None."""
        return None

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        raise TypeError(f"{type(self).__name__} does not say what it does")


@cache
def available() -> dict[str, type[Stage]]:
    """Every stage, by the name of its file.

    >>> available()["window"].__name__
    'Window'
    """
    return parts(__name__, __path__, Stage)
