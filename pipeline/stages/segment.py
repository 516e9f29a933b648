"""Labels by a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from pipeline.errors import ModelError, Quarantine, RecipeError
from pipeline.grid import Grid
from pipeline.models import device, library, sliding
from pipeline.models.descriptor import CLOSEST
from pipeline.models.device import Precision
from pipeline.models.keep import kept
from pipeline.models.library import Model
from pipeline.reasons import Reason
from pipeline.stages import Stage
from pipeline.structure import Structure
from pipeline.volume import Facts, Kind, Spec, Volume


@dataclass(frozen=True)
class Segment(Stage):
    """What a model sees in the volume, on the volume's own grid; ``scanmill models`` lists and tells them.

    It is handed source units: the model says itself how it wants them spaced, turned and normalised.  Patches of all
    volumes that are at work in a process go through one network that stays in memory.  A volume of a modality, or in
    units, that the model was not made for is refused.

    Attributes
    ----------
    model : its name
    overlap : part of a patch that its neighbour looks at too; None: as the model says
    mirror : the mean over all mirrorings along the axes that the model allows: 2, 4 or 8 times the time
    precision : of the arithmetic; ``auto``: bfloat16 on a GPU, float32 on a CPU
        (these three are of windows; a model of the method ``located`` has none)
    sha256 : of the model's descriptor, which names its weights by theirs; None: of whatever bears the name now

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    model: str
    overlap: float | None = None
    mirror: bool = False
    precision: Precision = "auto"
    sha256: str | None = None

    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    source_units: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.overlap is not None and not 0 <= self.overlap <= CLOSEST:
            raise ValueError(f"overlap must be 0 to {CLOSEST}")

    @property
    def structures(self) -> tuple[Structure, ...]:
        return self.found.descriptor.structures

    @property
    def found(self) -> Model:
        """The model.  Raises ModelError where there is none of that name, or it is another than ``sha256`` names."""
        found = library.find(self.model)
        if self.sha256 not in (None, found.sha256):
            raise ModelError(f"the model {self.model!r} is another than the recipe names: its SHA-256 differs")
        return found

    def resolve(self, facts: Facts) -> Segment:
        """Raises Quarantine where the model was not made for such a volume."""
        found = self.found
        said = found.descriptor
        if facts.modality not in said.modalities:
            raise Quarantine(Reason.MODEL_MODALITY)
        if said.units not in ("1", facts.units):
            raise Quarantine(Reason.MODEL_UNITS)
        overlap = said.overlap if self.overlap is None else self.overlap
        return replace(self, overlap=overlap, sha256=found.sha256)

    def check(self) -> None:
        """Raises ModelError where this machine lacks what the model needs: weights, torch, a GPU that is asked for."""
        device.chosen()
        library.verify(self.found)

    def spec(self, source: Spec) -> Spec:
        """Raises RecipeError where the model has not what the recipe asks of it."""
        said = self.found.descriptor
        if self.mirror and not said.mirror:
            raise RecipeError(f"the model {self.model!r} knows no mirrored volumes")
        return Spec(source.grid, "labels", sliding.labels_dtype(said))

    def held(self, source: Spec) -> int:
        return sliding.held(self.found.descriptor, source)

    def reach(self, piece: Grid, source: Spec) -> Grid:
        said = self.found.descriptor
        if said.method == "located" or said.keep:
            return source.grid
        return sliding.needed(said, self._overlap, piece, source.grid)

    def __call__(self, volume: Volume, piece: Grid, source: Spec) -> Volume:
        from pipeline.models import located, predictor

        model = self.found
        said = model.descriptor
        if said.method == "located":
            return kept(located.segment(model, volume, device.chosen()), said.keep).crop_to(piece)
        network = predictor.resident(model, self.mirror, self.precision, device.chosen())
        whole = source.grid if said.keep else piece
        made = sliding.segment(said, network, volume, whole, source.grid, self._overlap)
        return kept(made, said.keep).crop_to(piece)

    @property
    def _overlap(self) -> float:
        return self.found.descriptor.overlap if self.overlap is None else self.overlap
