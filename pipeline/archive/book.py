"""The catalog while it is written: rows of files, series and stacks; in the vault, volumes and who is who."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.archive import vocabulary
from pipeline.archive.catalog import FILES, SERIES, STACKS, Catalog, Rows, measured, published
from pipeline.archive.entry import Entry, Part
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.refusal import flavour
from pipeline.archive.group import PENDING, Fate, fate
from pipeline.archive.identity import content_id, volume_id
from pipeline.archive.index import File, Index
from pipeline.archive.measure import unmeasured
from pipeline.archive.modality import modality
from pipeline.archive.stacks import Stack
from pipeline.archive.suv import suv
from pipeline.archive.vault import Vault
from pipeline.archive.vendor import device
from pipeline.reasons import Outcome, Reason

Label = tuple[str, File]
"""A label map: the word that it is published under, its file."""

End = tuple[Fate, tuple[str, ...]]
"""How a file ends, and the volumes that it is a part of."""

Row = tuple[Fate, str | None, tuple[str, ...]]
Marks = list[int]


@dataclass
class Book:
    """Rows are only added; ``cut`` forgets those of a series that did not end well.

    Attributes
    ----------
    modality : for images that state none
    """

    index: Index
    vault: Vault
    modality: str | None = None
    _files: Rows = field(default_factory=lambda: Rows(FILES))
    _stacks: Rows = field(default_factory=lambda: Rows(STACKS))
    _series: Rows = field(default_factory=lambda: Rows(SERIES))
    # A file that holds the voxels of others -> what became of each of these.
    _shared: dict[str, tuple[File, dict[str, Row]]] = field(default_factory=dict)

    def catalog(self) -> Catalog:
        """The tables, once every file has been added."""
        return Catalog(self._files.table(), self._series.table(), self._stacks.table())

    def marks(self) -> Marks:
        """Where the rows end by now."""
        return [len(table) for table in (self._files, self._series, self._stacks)]

    def cut(self, marks: Marks) -> None:
        """Forget what was added since."""
        for table, mark in zip((self._files, self._series, self._stacks), marks, strict=True):
            table.cut(mark)

    def is_shared(self, file: File) -> bool:
        """Whether it holds the voxels of files that were added."""
        return file.file_id in self._shared

    def add_shared(self, left_out: set[str]) -> None:
        """The files that hold the voxels of others end as these do; but for those of these ids."""
        for data, rows in self._shared.values():
            if data.file_id not in left_out:
                self.add_file(data, *_of_all(list(rows.values())))

    def add_internal(self, name: str, files: Sequence[File]) -> None:
        """A series on which this program failed."""
        series_id = self._pseudonym("series", name)
        row = {
            **measured(unmeasured(len(files))),
            "series_id": series_id,
            "kind": "image",
            "verdict": "quarantined",
            "reason": Reason.INTERNAL,
            "reasons": [Reason.INTERNAL],
            "format": next(f.header.format for f in files if f.header),
            "n_files": len(files),
            "n_labels": 0,
            "bytes_in": sum(f.size for f in files),
        }
        self._series.add(row | {"n_stacks": 1, "n_volumes": 0})
        self._stacks.add(row | {"stack_id": self.vault.pseudonym("stack", json.dumps([name])), "ordinal": 0})
        for file in files:
            self.add_file(file, fate(Reason.INTERNAL), series_id)

    def add_series(
        self, name: str, files: Sequence[File], found: Sequence[Stack], labels: Sequence[Sequence[Label]]
    ) -> tuple[str, dict[str, End]]:
        """Rows of the series and its stacks, each with its labels, the volumes, the identities.

        Returns the series_id, and by file_id how these files end, labels too, and which volumes they are a part of.
        """
        lead = next((one for one in found if not one.judged.reasons), max(found, key=lambda one: len(one.slices)))
        header = lead.slices[0].header
        ids: dict[str, Any] = {
            "series_id": self._pseudonym("series", name),
            "study_id": self._pseudonym("study", header.study) if header.study else None,
            "patient_id": self._pseudonym("patient", header.patient) if header.patient else None,
            "kind": "image",
        }
        ordinals = {id(one): n for n, one in enumerate(sorted(found, key=lambda one: one.first))}
        rows = [
            self._add_stack(name, ids | {"ordinal": ordinals[id(one)]}, one, own)
            for one, own in zip(found, labels, strict=True)
        ]
        volumes = [row["volume_id"] for row in rows if row["volume_id"]]
        met = {reason for one in found for reason in (*one.judged.reasons, one.partial)}
        reasons = dict.fromkeys((*lead.judged.reasons, *(reason for reason in Reason if reason in met)))
        self._series.add(
            {column: value for column, value in rows[found.index(lead)].items() if column in SERIES.names}
            | {
                "reason": next(iter(reasons), None),
                "reasons": list(reasons),
                "n_files": sum(2 if f.data else 1 for f in files),
                "n_stacks": len(found),
                "n_volumes": len(volumes),
                "n_labels": len({label.file_id for own in labels for _, label in own}),
                "bytes_in": _nbytes([f for one in found for f in one.files], [one for own in labels for one in own]),
            }
        )
        return ids["series_id"], _ends(found, labels, [row["volume_id"] for row in rows])

    def _add_stack(self, name: str, ids: Mapping[str, Any], one: Stack, labels: Sequence[Label]) -> dict[str, Any]:
        header, reasons = one.slices[0].header, one.judged.reasons
        stated = header.modality or (modality(one.files[0], self.index, self.vault) if header.format != "dicom" else "")
        kind_of_image = vocabulary.MODALITY.published(stated or self.modality or "", self.vault)
        volume, edition = None, None
        if not reasons:
            volume, edition = self._add_volume(name, ids["series_id"], kind_of_image, one, labels)
        row = {
            **measured(one.judged.measures),
            **ids,
            "stack_id": self.vault.pseudonym("stack", json.dumps([name, sorted(one.contents)])),
            "volume_id": volume,
            "edition": edition,
            "verdict": _verdict(one),
            "reason": next(iter(reasons), None),
            "reasons": list(reasons),
            "partial": one.partial,
            "modality": kind_of_image,
            **_described(header, self.vault),
            **measured(device(header, kind_of_image), ("kernel_class", "profile")),
            **published(one.facets),
            "lossy": any(s.header.lossy for s in one.slices),
            "n_files": sum(2 if f.data else 1 for f in one.files),
            "n_labels": len(labels),
            "bytes_in": _nbytes(one.files, labels),
        }
        self._stacks.add(row)
        return row

    def _add_volume(
        self, name: str, series_id: str, kind_of_image: str | None, one: Stack, labels: Sequence[Label]
    ) -> tuple[str, str]:
        """The volume, kept in the vault.  Returns (volume_id, edition)."""
        lead, m = one.slices[0].header, one.judged.measures
        # A gate without reasons has measured both.
        assert m.affine is not None
        assert m.geometry_error_mm is not None
        # What the header does not state is not in the content: told otherwise, it is another volume.
        told = "" if lead.format == "dicom" and lead.modality else kind_of_image or ""
        contents = [*one.contents, *(f"{published} {content_id(_header(f))}" for published, f in labels)]
        entry = Entry(
            volume_id=volume_id(self.vault, name, told, contents),
            series_id=series_id,
            modality=kind_of_image,
            parts=Part.all_of(one.slices),
            shape=(m.n_slices, *lead.shape[1:]),
            affine=m.affine,
            geometry_error_mm=m.geometry_error_mm,
            spacing_source=m.spacing_source,
            anatomical=m.anatomical,
            labels=tuple((published, Part.of(f)) for published, f in labels),
            suv=suv([s.header for s in one.slices]),
            facets=one.facets,
            partial=one.partial,
        )
        edition = entry.edition(self.vault)
        self.index.add_volume(entry.volume_id, edition, entry.to_json())
        return entry.volume_id, edition

    def add_file(self, file: File, end: Fate, series_id: str | None = None, volumes: Sequence[str] = ()) -> None:
        """How a file ends, by now."""
        if file.data is not None:
            _, rows = self._shared.setdefault(file.data.file_id, (file.data, {}))
            rows[file.file_id] = (end, series_id, tuple(volumes))
        self._files.add(
            {
                "file_id": file.file_id,
                "series_id": series_id,
                "volume_ids": list(volumes),
                "format": file.header.format if file.header else None,
                "size_bytes": file.size,
                "outcome": end.outcome,
                "reason": end.reason,
            }
        )

    def _pseudonym(self, kind: str, value: str) -> str:
        pseudonym = self.vault.pseudonym(kind, value)
        self.index.add_identity(pseudonym, kind, value)
        return pseudonym


def _of_all(rows: Sequence[Row]) -> Row:
    """A file that any volume is made of is a part of all such, and what becomes of it is for the run to say."""
    pending = [row for row in rows if row[0] == PENDING]
    end, series_id, _ = min(pending or rows, key=lambda row: row[1] or "")
    return end, series_id, tuple(sorted({volume for _, _, volumes in pending for volume in volumes}))


def _header(file: File) -> Header:
    assert file.header is not None
    return file.header


def _verdict(one: Stack) -> str:
    """Skipped where every image is: an empty file is skipped, but what it is a hole of is not."""
    if not one.judged.reasons:
        return "accepted"
    aside = (s.file.reason or flavour(s.header) for s in one.slices)
    skipped = all(reason is not None and fate(reason).outcome is Outcome.SKIPPED for reason in aside)
    return "skipped" if skipped else "quarantined"


def _ends(found: Sequence[Stack], labels: Sequence[Sequence[Label]], volumes: Sequence[str | None]) -> dict[str, End]:
    """By file_id: a file of several stacks is quarantined with the first that is, and skipped if all are.

    What is quarantined is no part of a volume: that a part of it was converted does not settle it.
    """
    fates: dict[str, list[Fate]] = defaultdict(list)
    members: dict[str, list[str]] = defaultdict(list)
    for one, own, volume in zip(found, labels, volumes, strict=True):
        reasons = one.judged.reasons
        # A hole must never be converted in silence: what is left of a series with an empty file is refused with it.
        end = Fate(Outcome(_verdict(one)), reasons[0]) if reasons else PENDING
        for file in (*one.files, *(label for _, label in own)):
            fates[file.file_id].append(end)
            members[file.file_id] += [volume] if volume else []
    rank = {Outcome.QUARANTINED: 0, None: 1, Outcome.SKIPPED: 2}
    worst = {name: min(ends, key=lambda end: rank[end.outcome]) for name, ends in fates.items()}
    return {name: (end, () if end.outcome else tuple(members[name])) for name, end in worst.items()}


def _nbytes(files: Sequence[File], labels: Sequence[Label]) -> int:
    parts = {file.file_id: Part.of(file).bytes for file in (*files, *(label for _, label in labels))}
    return sum(parts.values())


def _described(header: Header, vault: Vault) -> dict[str, object]:
    """What a header says of itself, in terms that may leave."""
    _, rows, columns = header.shape
    return {
        "manufacturer": vocabulary.MANUFACTURER.published(header.manufacturer, vault),
        "model": vocabulary.MODEL.published(header.model, vault),
        "kernel": vocabulary.KERNEL.published(header.kernel, vault),
        "body_part": vocabulary.BODY_PART.published(header.body_part, vault),
        "transfer_syntax": vocabulary.TRANSFER_SYNTAX.published(header.transfer_syntax, vault),
        "format": header.format,
        "burned_in": {"YES": True, "NO": False}.get(header.burned_in.upper()),
        "rows": rows,
        "columns": columns,
        "bits_stored": header.bits_stored or None,
        "padding": header.padding,
        "slice_thickness_mm": header.slice_thickness,
        "forms_apart_mm": header.forms_apart_mm,
    }
