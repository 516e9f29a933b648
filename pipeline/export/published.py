"""What OUT has published of one volume, ready to be written in another format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.store import omezarr
from pipeline.store.ledger import Record
from pipeline.structure import Structure
from pipeline.volume import Kind, Volume

RAW = "raw"
"""What the volume as acquired is called, as a recipe and as an output."""


@dataclass(frozen=True)
class Published:
    """An array of OUT.

    Attributes
    ----------
    output : its name in the recipe, or that of a label map that came with the source
    part : what tells it from others of that name: the sample, or the image that the label map lies on; else ""
    path : of its group
    sample : whether it was made by random draws
    """

    output: str
    kind: Kind
    path: Path
    part: str = ""
    sample: bool = False

    @property
    def stem(self) -> str:
        """Of file names: the same for no other array of the recipe."""
        return "_".join(filter(None, (self.output, self.part.replace("/", "_"))))


@dataclass(frozen=True)
class Content:
    """What is written: voxels, what they mean, where they come from.

    Attributes
    ----------
    output : name of the array
    recipe, fingerprint : what made it; of a raw volume its own hash
    facts : public attributes, as published
    anatomical : whether it lies in the patient
    structures : of a label map, one for every value that occurs; else empty
    by_network : whether a network made it
    """

    volume: Volume
    output: str
    volume_id: str
    recipe: str
    fingerprint: str
    facts: Mapping[str, Any]
    anatomical: bool = True
    structures: tuple[Structure, ...] = ()
    by_network: bool = False


def published(out: Path, record: Record) -> list[Published]:
    """The arrays that a commit record speaks of, images first to last, each with its label maps where they lie."""
    root = out / record["path"]
    if record["type"] == RAW:
        labels = [Published(name, "labels", root / "labels" / name) for name in record["labels"]]
        return [Published(RAW, "image", root), *labels]
    outputs: Mapping[str, Mapping[str, Any]] = record["outputs"]
    images = [name for name, facts in outputs.items() if facts["kind"] == "image"]
    return [_published(root, name, facts["kind"], images) for name, facts in outputs.items()]


def load(found: Published, record: Record, raw: Record) -> Content:
    """Read it; ``raw`` is the record of its source.  Raises Quarantine(DAMAGED) where it is not what was committed."""
    volume, facts = omezarr.read(found.path), omezarr.attributes(found.path)
    stated = tuple(Structure(**fields) for fields in facts.get("structures", ()))
    return Content(
        volume=volume,
        output=found.output,
        volume_id=record["volume_id"],
        recipe=RAW if record["type"] == RAW else record["recipe"],
        fingerprint=record["sha256"] if record["type"] == RAW else record["fingerprint"],
        facts=facts,
        anatomical=raw.get("anatomical", True),
        structures=_described(volume, found.output, stated) if volume.kind == "labels" else (),
        by_network=any(stage["use"] == "segment" for stage in facts.get("stages", ())),
    )


def _published(root: Path, name: str, kind: Kind, images: list[str]) -> Published:
    image, labels, output = name.rpartition("/labels/")
    if labels:
        return Published(output, kind, root / name, image, "/" in image)
    output, _, sample = name.partition("/")
    if kind == "image":
        return Published(output, kind, root / name, sample, bool(sample))
    below = (root / image / "labels" / output for image in images if image.partition("/")[2] == sample)
    path = next((path for path in below if path.is_dir()), root / name)
    return Published(output, kind, path, sample, bool(sample))


def _described(volume: Volume, output: str, stated: tuple[Structure, ...]) -> tuple[Structure, ...]:
    known = {structure.value for structure in stated}
    others = (Structure(value, f"{output} {value}") for value in _values(volume.array) if value not in known)
    return tuple(sorted((*stated, *others), key=lambda structure: structure.value))


def _values(array: np.ndarray) -> Iterator[int]:
    """Labels that occur, without background, lowest first; found slice by slice, so that no copy of all is made."""
    if array.dtype.itemsize > 2:
        wide = [np.unique(plane) for plane in array]
        return (int(value) for value in np.unique(np.concatenate(wide)) if value)
    seen = np.zeros(np.iinfo(array.dtype).max + 1, bool)
    for plane in array:
        seen[plane.ravel()] = True
    return (int(value) for value in np.flatnonzero(seen) if value)
