"""What needs the whole of a volume before any part of it can be made.  One file, one fit: this folder is the list.

A fit looks at every block once, adds up what it saw, and becomes a stage with numbers in it::

    blocks --tally--> T + T + ... = total --(detail)--> total --stage--> ZScore becomes Linear(...)

All that is summed is a whole number, so the stage is the same whatever the blocks were (law L11).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from pipeline.parts import parts
from pipeline.stages import Stage
from pipeline.volume import Facts, Kind, Spec, Volume


@dataclass(frozen=True)
class Fit:
    """A pure rule ``whole volume -> Stage``; its fields are its parameters, and nothing else.

    A fit that can look at a part of the volume only has the field ``within: str | None = None``: in a recipe
    it names a branch point that is a label map on the same grid.
    """

    version: ClassVar[int] = 1
    """Of the numbers it finds; part of the fingerprint, held by a golden hash."""

    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    units: ClassVar[str | None] = None
    """Of the values that the stage makes which this becomes, as there."""

    scratch: ClassVar[int] = 3
    """Bytes a voxel that it holds beside what it looks at, at most."""

    def spec(self, source: Spec) -> Spec:
        """The most that can come out of the stage that this becomes."""
        return source

    def resolve(self, facts: Facts) -> Fit:
        """The same fit with every default that depends on the volume filled in."""
        return self

    def tally(self, volume: Volume, mask: Volume | None, source: Spec) -> Any:
        """What one block adds to the total; ``source`` is known of the whole volume.

        ``mask`` is the label map of ``within`` on the block's own grid; voxels that are not 0 count.
        """
        raise TypeError(f"{type(self).__name__} does not say what it looks at")

    def detail(self, total: Any, volume: Volume, mask: Volume | None, source: Spec) -> Any:
        """What one block adds in a second pass, when the total of the first is known; None: none is needed."""
        return None

    def stage(self, total: Any, source: Spec) -> Stage:
        """The stage with numbers in it.  Raises Quarantine where the voxels do not allow it."""
        raise TypeError(f"{type(self).__name__} does not say what it becomes")


@dataclass(frozen=True)
class ArchiveFit(Fit):
    """A rule ``whole archive -> entry of a recipe``: what is fitted once, named by its hash and then stays.

    ``scanmill fit`` adds up what every volume digests; the entry is stored as ``OUT/fits/<name>-<hash8>.json``.
    """

    @property
    def open(self) -> bool:
        """Whether it is still to be fitted over an archive, and can become no stage before."""
        return True

    def digest(self, total: Any, source: Spec) -> Any:
        """What one volume adds to the archive, from the total of its own blocks; whole numbers that add up."""
        return total

    def entry(self, total: Any) -> dict[str, Any]:
        """The entry of a recipe that this becomes: ``use`` and its parameters.

        Raises RecipeError where what was seen does not make one.
        """
        raise TypeError(f"{type(self).__name__} does not say what it becomes")

    def numbers(self, total: Any) -> dict[str, Any]:
        """What was found beside it, for people: numbers that are stored with the entry."""
        return {}


@cache
def available() -> dict[str, type[Fit]]:
    """Every fit, by the name of its file."""
    return parts(__name__, __path__, Fit)
