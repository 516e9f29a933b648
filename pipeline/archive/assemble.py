"""From the facts of files to volumes, verdicts and catalog rows.  Series by series: memory does not grow with them."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.archive import vocabulary
from pipeline.archive.catalog import FILES, SERIES, STACKS, Catalog, Rows, measured, published
from pipeline.archive.derived_labels import DRAWABLE, Annotations, Target, is_annotation
from pipeline.archive.entry import Entry, Part, grid_of
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.refusal import flavour
from pipeline.archive.gate import Gate
from pipeline.archive.group import PENDING, Fate, fate, group
from pipeline.archive.holes import holes
from pipeline.archive.identity import content_id, slice_id, volume_id
from pipeline.archive.index import File, Index, series_key
from pipeline.archive.labels import link, word
from pipeline.archive.measure import counts, unmeasured
from pipeline.archive.modality import modality
from pipeline.archive.pairs import paired
from pipeline.archive.slices import slices
from pipeline.archive.stacks import Irregular, Stack, stacks
from pipeline.archive.suv import suv
from pipeline.archive.vault import Vault
from pipeline.archive.vendor import device
from pipeline.reasons import Outcome, Reason

Label = tuple[str, File]
Row = tuple[Fate, str | None, tuple[str, ...]]

_LOG = logging.getLogger("scanmill")


@dataclass
class Assembly:
    """One scan's files, put together.

    Attributes
    ----------
    voxels : sha256 of a file's stored values, asked for copies of one SOP instance only; must be known by then
    modality : for images that state none
    globs : file names of label maps
    irregular : what becomes of series with gaps
    """

    index: Index
    vault: Vault
    voxels: Callable[[File], str]
    modality: str | None = None
    globs: Sequence[str] = ()
    irregular: Irregular = "split"
    _files: Rows = field(default_factory=lambda: Rows(FILES))
    _stacks: Rows = field(default_factory=lambda: Rows(STACKS))
    _series: Rows = field(default_factory=lambda: Rows(SERIES))
    # Segmentations and structure sets: a series with what was lost of it, and the ends of those that lie on a volume.
    _aside: list[tuple[list[str], list[File]]] = field(default_factory=list)
    _drawn: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    # A file that holds the voxels of others -> what became of each of these.
    _shared: dict[str, tuple[File, dict[str, Row]]] = field(default_factory=dict)

    def catalog(self) -> Catalog:
        """Judge all that the scan met; volumes and identities are kept in the vault, all or none."""
        with self.index.transaction():
            lost = holes(self.index)
            adopted = {file.file_id for files in lost.values() for file in files}
            annotations = Annotations.of(self.index.annotations(), self.voxels)
            for met in self.index.series():
                files = [f for f in met if f.file_id not in adopted]
                images, holed = [f for f in files if not is_annotation(f)], lost.get(series_key(met[0]), [])
                if images:
                    name = _series_name(images[0])
                    with self._isolated(name, (*images, *holed)):
                        self._dicom(name, images, holed, annotations)
                if len(files) > len(images):
                    ids = [f.file_id for f in files if is_annotation(f)]
                    self._aside.append((ids, [] if images else holed))
            for ids, holed in self._aside:
                files = [file for file in map(self.index.found, ids) if file is not None]
                name = _series_name(files[0])
                with self._isolated(name, (*files, *holed)):
                    self._annotated(name, files, holed, annotations)
            shared, seen = self.index.shared_names(), set[str]()
            for met in self.index.folders():
                files = [paired(file, self.index, self.vault) for file in met]
                with self._isolated(f"{os.fsdecode(files[0].folder)}\0", files):
                    self._folder(files, shared, seen)
            for file in self.index.rest():
                if file.file_id not in adopted and file.file_id not in self._shared:
                    self._add_file(file, fate(file.reason or Reason.INTERNAL))
            for data, rows in self._shared.values():
                if data.file_id not in adopted:
                    self._add_file(data, *_of_all(list(rows.values())))
        return Catalog(self._files.table(), self._series.table(), self._stacks.table())

    @contextmanager
    def _isolated(self, name: str, files: Sequence[File]) -> Iterator[None]:
        """What goes wrong inside ends as one INTERNAL series: one bad input changes nothing else (law L6)."""
        tables = (self._files, self._series, self._stacks)
        marks = [len(table) for table in tables]
        try:
            yield
        except sqlite3.Error:  # the transaction is lost, not this series
            raise
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            # Type and place, never the message, which may quote a header.
            _LOG.error("INTERNAL: %s at %s:%d", type(error).__name__, os.path.basename(last.filename), last.lineno)
            for table, mark in zip(tables, marks, strict=True):
                table.cut(mark)
            self._internal(name, files)

    def _internal(self, name: str, files: Sequence[File]) -> None:
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
            self._add_file(file, fate(Reason.INTERNAL), series_id)

    def _dicom(self, name: str, files: Sequence[File], lost: Sequence[File], annotations: Annotations) -> None:
        """One series and what was lost of it, with the annotations that lie on its volumes."""
        sorted_out = group(files, self.voxels, lost)
        images = slices(sorted_out.images)
        if sorted_out.reasons:
            found = [Stack.of(images, *sorted_out.reasons)]
        elif images:
            found = stacks(images, self.irregular)
        else:
            reasons = tuple(reason for reason in Reason if reason in {f.reason for f in files})
            found = [Stack(tuple(slices(files)), Gate(counts(list(map(_header, files))), reasons))]
        labels = self._labels(found, annotations)
        series_id, ends = self._add_series(name, (*files, *lost), found, labels)
        for file in (*files, *lost):
            end, volumes = ends.get(file.file_id, (PENDING, ()))
            self._add_file(file, sorted_out.fates.get(file.file_id, end), series_id, volumes)
        for _, label in (one for own in labels for one in own):
            self._drawn[label.file_id] = (series_id, ends[label.file_id][1])

    def _labels(self, found: Sequence[Stack], annotations: Annotations) -> list[list[Label]]:
        """By stack, the annotations that lie on what becomes of it."""
        targets: list[Target | None] = []
        for one in found:
            lead, m = one.slices[0].header, one.judged.measures
            if one.judged.reasons or m.affine is None or not m.anatomical:
                targets.append(None)
                continue
            instances = frozenset(s.header.instance for s in one.slices)
            grid = grid_of(m.affine, (m.n_slices, *lead.shape[1:]))
            targets.append(Target(lead.series, lead.frame_of_reference, instances, grid))
        return annotations.link(targets, self.index.found)

    def _annotated(self, name: str, files: Sequence[File], lost: Sequence[File], annotations: Annotations) -> None:
        """Segmentations and structure sets of one series: none spoils another, nor the images that it was made on."""
        left = []
        for file in files:
            reason = annotations.refused.get(file.file_id)
            if file.file_id in self._drawn:
                self._add_file(file, PENDING, *self._drawn[file.file_id])
            elif reason is Reason.DUPLICATE_SOP:
                self._add_file(file, fate(reason))
            else:
                known = Reason.ORPHAN_LABELS if file.reason in DRAWABLE else file.reason
                left.append(replace(file, reason=reason or known))
        for file in lost:
            self._add_file(file, fate(file.reason or Reason.INTERNAL))
        if left:
            reasons = tuple(reason for reason in Reason if reason in {f.reason for f in left})
            one = Stack(tuple(slices(left)), Gate(counts(list(map(_header, left))), reasons))
            series_id, _ = self._add_series(name, left, [one], [()])
            for file in left:
                self._add_file(file, fate(file.reason or Reason.INTERNAL), series_id)

    def _folder(self, files: Sequence[File], shared: set[bytes], seen: set[str]) -> None:
        """The images and label maps of one folder.  A path below two sources is told apart by its content."""
        images: list[tuple[str, File]] = []
        labels: list[Label] = []
        for file in files:
            name = os.fsdecode(file.relative)
            if file.relative in shared:
                name = f"{name}\0{_header(file).content}"
                if name in seen:
                    self._add_file(file, fate(Reason.DUPLICATE_SOP))
                    continue
                seen.add(name)
            kind = word(file, self.globs)
            if kind is None:
                images.append((name, file))
            elif file.reason is None:
                labels.append((kind, file))
            else:
                self._add_file(file, fate(file.reason))
        linked = link([file for _, file in images], labels)
        for name, file in images:
            own = linked.get(file.file_id, [])
            with self._isolated(name, (file, *(label for _, label in own))):
                self._image(name, file, own)
        owned = {label.file_id for own in linked.values() for _, label in own}
        for _, label in labels:
            if label.file_id not in owned:
                self._add_file(label, fate(Reason.ORPHAN_LABELS))

    def _image(self, name: str, file: File, labels: Sequence[Label]) -> None:
        """A file of another format: an image, or several of one place."""
        found = stacks(slices([file]))
        if file.reason is not None:
            found = [Stack.of(slices([file])[:1], file.reason)]
        series_id, ends = self._add_series(name, [file], found, [labels] * len(found))
        for part in (file, *(label for _, label in labels)):
            end, volumes = ends[part.file_id]
            self._add_file(part, end, series_id, volumes)

    def _add_series(
        self, name: str, files: Sequence[File], found: Sequence[Stack], labels: Sequence[Sequence[Label]]
    ) -> tuple[str, dict[str, tuple[Fate, tuple[str, ...]]]]:
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
        contents = sorted(map(slice_id, one.slices))
        volume, edition = None, None
        if not reasons:
            volume, edition = self._add_volume(name, ids["series_id"], kind_of_image, one, labels)
        row = {
            **measured(one.judged.measures),
            **ids,
            "stack_id": self.vault.pseudonym("stack", json.dumps([name, contents])),
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
        contents = [slice_id(s) for s in one.slices]
        contents += [f"{published} {content_id(_header(f))}" for published, f in labels]
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

    def _add_file(self, file: File, end: Fate, series_id: str | None = None, volumes: Sequence[str] = ()) -> None:
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


def _series_name(file: File) -> str:
    """What has no Series Instance UID goes by study and folder."""
    header = _header(file)
    return header.series or f"{header.study}\0{os.fsdecode(file.folder)}"


def _verdict(one: Stack) -> str:
    """Skipped where every image is: an empty file is skipped, but what it is a hole of is not."""
    if not one.judged.reasons:
        return "accepted"
    aside = (s.file.reason or flavour(s.header) for s in one.slices)
    skipped = all(reason is not None and fate(reason).outcome is Outcome.SKIPPED for reason in aside)
    return "skipped" if skipped else "quarantined"


def _ends(
    found: Sequence[Stack], labels: Sequence[Sequence[Label]], volumes: Sequence[str | None]
) -> dict[str, tuple[Fate, tuple[str, ...]]]:
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
    }
