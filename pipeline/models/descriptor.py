"""What a model says of itself: the ``model.yaml`` of its folder.  Read without torch, and nothing in it runs.

::

    lungs/model.yaml            name, licence, training data, limits; grid, intensities, patch; what the labels mean
    lungs/weights.safetensors   named there with its SHA-256
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config

from pipeline import orientation
from pipeline.errors import ModelError
from pipeline.grid import Grid, Triple
from pipeline.kernels.folding import Border
from pipeline.models.intensity import Intensity
from pipeline.models.topology import Topology
from pipeline.structure import Structure
from pipeline.yaml_text import parse

CLOSEST = 0.9
"""The largest overlap: at more there are millions of windows."""

Format = Literal["safetensors", "exported", "torchscript"]
"""Weights of a U-Net that is built here; or a program of ``torch.export``, or of TorchScript, which are code: they are
loaded from packaged descriptors alone, which pin them."""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Weights:
    """Files of a model, by name and SHA-256 in hex.

    ``package`` is the installed distribution that ships them, where the model's own folder does not.
    """

    format: Format
    files: dict[str, str]
    package: str | None = None

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError("files must name at least one")
        for name, digest in self.files.items():
            if name.startswith("/") or ".." in name.split("/") or "\\" in name:
                raise ValueError("files lie inside the folder of the model")
            if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                raise ValueError("files need a SHA-256 each: 64 hex digits")


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Lattice:
    """The grid on which a network looks at a volume: both outer faces of the source stay put.

    Attributes
    ----------
    spacing : mm along k, j, i of the turned volume; lengths are whole, so that it gives way by less than half a voxel
        in all.  None, for all or along one axis: that of the source
    orientation : directions in which i, j and k rise (``LPS``); None: those of the source
    order : of the spline that images are resampled by: 0, 1 or 3
    antialias : they are smoothed before, as much as the new spacing asks for
    anisotropy : where the coarsest spacing of the source, or else the new one, is more than this many times the finest,
        that axis goes by nearest, there and back; not where two axes are the coarsest (nnU-Net: 3)
    border : how the lattice of a cubic goes on (nnU-Net: ``nearest``)
    clip : what a cubic overshoots is cut off: to the range of the whole volume; of each slice, where ``anisotropy``
        takes one axis by nearest (nnU-Net does).  Goes with ``normalised``
    normalised : intensities are normalised before they are resampled, as nnU-Net does, not after
    """

    spacing: tuple[float | None, float | None, float | None] | None = None
    orientation: str | None = None
    order: Literal[0, 1, 3] = 1
    antialias: bool = False
    anisotropy: float | None = None
    border: Border = "mirror"
    normalised: bool = False
    clip: bool = False

    def __post_init__(self) -> None:
        if self.spacing is not None and not all(s > 0 and isfinite(s) for s in self.spacing if s is not None):
            raise ValueError("spacing must be three finite numbers above 0")
        if self.orientation is not None:
            orientation.checked(self.orientation)
        if self.anisotropy is not None and not self.anisotropy >= 1:
            raise ValueError("anisotropy must be at least 1")
        if self.clip and not self.normalised:
            raise ValueError("clip goes with normalised")

    def of(self, source: Grid) -> Grid:
        """The grid of the network for a volume on ``source``: its axes turned, in other steps."""
        turned = self._turned(source)
        return turned if self.spacing is None else turned.respace(self._asked(turned), anchor="faces")

    def orders(self, source: Grid, order: int) -> tuple[int, int, int]:
        """Of resampling from a source to its grid, along the axes of the grid: 0 along one that is too coarse."""
        made = [order] * 3
        turned = self._turned(source)
        for spacing in (turned.spacing, self._asked(turned)):
            if self.anisotropy is not None and max(spacing) > self.anisotropy * min(spacing):
                coarse = [axis for axis, s in enumerate(spacing) if s > max(spacing) * (1 - 1e-6)]
                if len(coarse) == 1:
                    made[coarse[0]] = 0
                break
        k, j, i = made
        return k, j, i

    def _asked(self, turned: Grid) -> tuple[float, float, float]:
        """Spacing of the grid before lengths are made whole."""
        asked = self.spacing or (None, None, None)
        k, j, i = (old if new is None else new for new, old in zip(asked, turned.spacing, strict=True))
        return k, j, i

    def _turned(self, source: Grid) -> Grid:
        return source if self.orientation is None else orientation.toward(source, self.orientation).grid(source)


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Keep:
    """What is kept of a structure, by connected components (6 neighbours) on the grid of the result.

    ``largest``: the largest alone.  ``min_mm3``: none that is smaller.
    """

    value: int
    largest: bool = False
    min_mm3: float = 0.0

    def __post_init__(self) -> None:
        if not (self.min_mm3 >= 0 and isfinite(self.min_mm3)):
            raise ValueError("min_mm3 must be a finite number, at least 0")


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Descriptor:
    """A model: what it is, what it looks at, what its labels mean.

    Attributes
    ----------
    name : of the model, as recipes say it
    summary : one sentence
    modalities : of the volumes that it may see, DICOM's words
    units : of their intensities: ``HU``, or ``1`` for any
    structures : what comes out, by the network's class index
    weights : where they lie and what they are
    licence, training_data, limits : of the model, for people; ``figures``: what was measured, with the data
    method : ``windows`` slide over the volume; ``located``: one network finds the box, another looks inside it
    network : the U-Net that ``safetensors`` belong to
    grid, intensity : how a volume is made ready
    patch : voxels along k, j, i that the network looks at
    batch : patches that it looks at together on a GPU, always: results may differ in the last bits where it differs
    overlap : part of a patch that its neighbour looks at too
    peak : of the weights of a patch's voxels: in its ``middle`` (MONAI), or on ``voxel`` n // 2 of n (nnU-Net)
    air : in source units: a patch without a voxel above it is background, unseen; None: all are seen
    mirror : axes (0, 1, 2 for k, j, i) along which the network was trained on mirrored volumes
    keep : what is kept of each structure
    memory_mb : what the network takes at most, weights and a batch, in MB; None, of a U-Net: by its topology

    Raises
    ------
    ValueError
        Naming the field, if its value cannot be.
    """

    name: str
    summary: str
    modalities: tuple[str, ...]
    units: str
    structures: tuple[Structure, ...]
    weights: Weights
    licence: str
    training_data: str
    limits: str
    intensity: Annotated[Intensity, Field(discriminator="rule")]
    patch: Triple
    figures: tuple[str, ...] = ()
    method: Literal["windows", "located"] = "windows"
    network: Topology | None = None
    grid: Lattice = Lattice()
    batch: int = 1
    overlap: float = 0.5
    peak: Literal["middle", "voxel"] = "middle"
    air: float | None = None
    mirror: tuple[Literal[0, 1, 2], ...] = ()
    keep: tuple[Keep, ...] = ()
    memory_mb: int | None = None

    def __post_init__(self) -> None:
        values = [structure.value for structure in self.structures]
        if not values or len(set(values)) < len(values):
            raise ValueError("structures must be at least one, each value once")
        if (self.network is None) is (self.weights.format == "safetensors"):
            raise ValueError("network stands beside safetensors, and nowhere else")
        if self.network is None and self.memory_mb is None:
            raise ValueError("memory_mb must be said of a network that is code")
        if min(self.patch) < 1 or self.batch < 1:
            raise ValueError("patch and batch must be at least 1")
        if self.network is not None:
            if any(n % m for n, m in zip(self.patch, self.network.multiple, strict=True)):
                raise ValueError("patch must be a multiple of the network's strides")
            if self.network.channels != 1:
                raise ValueError("network sees one volume, so it has one channel")
            if max(values) >= self.network.classes:
                raise ValueError("structures have values that the network does not make")
        if not 0 <= self.overlap <= CLOSEST:
            raise ValueError(f"overlap must be 0 to {CLOSEST}")
        if any(kept.value not in values for kept in self.keep):
            raise ValueError("keep speaks of values that are no structure")
        if not self.modalities:
            raise ValueError("modalities must be at least one")
        if self.air is not None and not isfinite(self.air):
            raise ValueError("air must be finite")
        if self.memory_mb is not None and self.memory_mb < 1:
            raise ValueError("memory_mb must be at least 1")
        if len(set(self.mirror)) < len(self.mirror):
            raise ValueError("mirror must name each axis once")
        if self.method == "located" and (
            len(self.weights.files) != 2 or len(self.structures) != 1 or self.intensity.rule != "percentiles"
        ):
            raise ValueError("located has two networks, each a file of weights, one structure, and percentiles")

    @property
    def memory(self) -> int:
        """Bytes that the network takes at most, its weights and a batch that it looks at."""
        if self.memory_mb is not None:
            return self.memory_mb * 10**6
        return 0 if self.network is None else self.network.loading + self.batch * self.network.memory(self.patch)


@dataclass(frozen=True)
class Described:
    """A descriptor and the SHA-256 of its text: it names weights by theirs, so this names the whole model."""

    descriptor: Descriptor
    sha256: str


def read(text: str, origin: str) -> Described:
    """The descriptor that a ``model.yaml`` says; ``origin`` stands in messages.

    Raises ModelError that names the line and the key.
    """
    parsed = parse(text, origin, ModelError)
    made: Descriptor = parsed.made(parsed.mapping(parsed.root, ()), "model", Descriptor, ())
    return Described(made, sha256(text.encode()).hexdigest())
