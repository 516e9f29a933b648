"""What conversion needs to know of one volume; it stays in the vault."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

from pipeline.archive.formats.header import ALONE, Facets
from pipeline.archive.index import File, Index
from pipeline.archive.slices import Slice
from pipeline.archive.suv import Suv
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine, UsageError
from pipeline.grid import Grid
from pipeline.reasons import Reason


class Part(NamedTuple):
    """A file as it was when the volume was put together, and which frames, or which volume, of it are meant.

    ``data`` likewise, where another file holds its voxels.
    """

    file_id: str
    size: int
    mtime_ns: int
    parts: tuple[int, ...] = (0,)
    data: Part | None = None

    @classmethod
    def of(cls, file: File, *parts: int) -> Part:
        """These parts of a file, or its first."""
        return cls(file.file_id, file.size, file.mtime_ns, parts or (0,), cls.of(file.data) if file.data else None)

    @classmethod
    def all_of(cls, slices: Sequence[Slice]) -> tuple[Part, ...]:
        """Of images in the order of k: images of one file that follow one another are one part."""
        runs = (list(run) for _, run in groupby(slices, key=lambda s: s.file.file_id))
        return tuple(cls.of(run[0].file, *(s.part for s in run)) for run in runs)

    @classmethod
    def from_values(cls, values: list[Any]) -> Part:
        """As JSON gives them back."""
        file_id, size, mtime_ns, parts, data = values
        return cls(file_id, size, mtime_ns, tuple(parts), data and cls.from_values(data))

    @property
    def bytes(self) -> int:
        """Length of what is read."""
        return self.size + (self.data.size if self.data else 0)

    def file(self, index: Index) -> File:
        """The file, with its header.  Raises Quarantine(CHANGED) where a later scan met another one in its place."""
        found, data = self._found(index), self.data and self.data._found(index)
        if found.header is None:
            raise Quarantine(Reason.CHANGED)
        return replace(found, data=data or None)

    def _found(self, index: Index) -> File:
        found = index.file(self.file_id)
        if found is None or (found.size, found.mtime_ns) != (self.size, self.mtime_ns):
            raise Quarantine(Reason.CHANGED)
        return found


@dataclass(frozen=True)
class Entry:
    """One volume: its files in the order of k, its geometry, its label maps by published name.

    ``spacing_source`` and ``anatomical`` are those of ``Measures``, ``suv`` is that of ``suv.suv``; ``facets`` and
    ``partial`` those of ``Stack``.
    """

    volume_id: str
    series_id: str
    modality: str | None
    parts: tuple[Part, ...]
    shape: tuple[int, int, int]
    affine: tuple[float, ...]
    geometry_error_mm: float
    spacing_source: str
    anatomical: bool
    suv: Suv
    labels: tuple[tuple[str, Part], ...] = ()
    facets: Facets = ALONE
    partial: Reason | None = None

    @classmethod
    def of(cls, index: Index, volume_id: str, edition: str) -> Entry:
        """As a scan left it in the index.  Raises UsageError for a volume or an edition that it does not know."""
        text = index.volume(volume_id, edition)
        if text is None:
            raise UsageError("the vault knows no such volume")
        return cls.from_json(text)

    @property
    def grid(self) -> Grid:
        """Where the voxels of the raw volume are."""
        return grid_of(self.affine, self.shape)

    def edition(self, vault: Vault) -> str:
        """The name of these very files: their paths, sizes and times; and of whether they are all.

        Equal images have equal volume ids, wherever they lie and, DICOM, whatever their voxels: an id
        alone does not say which files to read.  A volume that turns out to be a part of one is published anew.
        """
        parts = (*self.parts, *(part for _, part in self.labels))
        return vault.pseudonym("edition", json.dumps([self.partial, *parts]))

    def to_json(self) -> str:
        """One line; ``from_json`` gives an equal value back."""
        return json.dumps(vars(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Entry:
        """The value that ``to_json`` wrote."""
        facts = json.loads(text)
        facts["parts"] = tuple(map(Part.from_values, facts["parts"]))
        facts["labels"] = tuple((name, Part.from_values(part)) for name, part in facts["labels"])
        facts["facets"] = Facets.of(facts["facets"])
        facts["partial"] = facts["partial"] and Reason(facts["partial"])
        factor, reason = facts["suv"]
        facts["suv"] = Suv(factor, Reason(reason) if reason else None)
        return cls(**facts | {"shape": tuple(facts["shape"]), "affine": tuple(facts["affine"])})


def grid_of(affine: Sequence[float], shape: tuple[int, int, int]) -> Grid:
    """The grid of a volume by its row-major affine."""
    return Grid(tuple(tuple(affine[n : n + 4]) for n in (0, 4, 8, 12)), shape)
