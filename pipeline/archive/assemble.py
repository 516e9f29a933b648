"""From the facts of files to volumes, verdicts and catalog rows.  Series by series: memory does not grow with them."""

from __future__ import annotations

import logging
import os
import sqlite3
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.archive import vocabulary
from pipeline.archive.catalog import FILES, SERIES, Catalog, Rows, measured
from pipeline.archive.entry import Entry, Part
from pipeline.archive.formats.header import Header
from pipeline.archive.gate import Gate, gate
from pipeline.archive.group import Fate, fate, group
from pipeline.archive.holes import holes
from pipeline.archive.identity import content_id, volume_id
from pipeline.archive.index import File, Index, series_key
from pipeline.archive.labels import link, word
from pipeline.archive.measure import counts, unmeasured
from pipeline.archive.modality import modality
from pipeline.archive.suv import suv
from pipeline.archive.vault import Vault
from pipeline.archive.vendor import device
from pipeline.reasons import Outcome, Reason

Label = tuple[str, File]

_LOG = logging.getLogger("scanmill")


@dataclass
class Assembly:
    """One scan's files, put together.

    Attributes
    ----------
    voxels : sha256 of a file's stored values, asked for copies of one SOP instance only; must be known by then
    modality : for images that state none
    globs : file names of label maps
    """

    index: Index
    vault: Vault
    voxels: Callable[[File], str]
    modality: str | None = None
    globs: Sequence[str] = ()
    _files: Rows = field(default_factory=lambda: Rows(FILES))
    _series: Rows = field(default_factory=lambda: Rows(SERIES))

    def catalog(self) -> Catalog:
        """Judge all that the scan met; volumes and identities are kept in the vault, all or none."""
        with self.index.transaction():
            lost = holes(self.index)
            adopted = {file.file_id for files in lost.values() for file in files}
            for met in self.index.series():
                if files := [f for f in met if f.file_id not in adopted]:
                    name, holed = _series_name(files[0]), lost.get(series_key(files[0]), [])
                    with self._isolated(name, (*files, *holed)):
                        self._dicom(name, files, holed)
            shared, seen = self.index.shared_names(), set[str]()
            for files in self.index.folders():
                with self._isolated(f"{os.fsdecode(files[0].folder)}\0", files):
                    self._folder(files, shared, seen)
            for file in self.index.rest():
                if file.file_id not in adopted:
                    self._add_file(file, fate(file.reason or Reason.INTERNAL))
        return Catalog(self._files.table(), self._series.table())

    @contextmanager
    def _isolated(self, name: str, files: Sequence[File]) -> Iterator[None]:
        """What goes wrong inside ends as one INTERNAL series: one bad input changes nothing else (law L6)."""
        marks = len(self._files), len(self._series)
        try:
            yield
        except sqlite3.Error:  # the transaction is lost, not this series
            raise
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            # Type and place, never the message, which may quote a header.
            _LOG.error("INTERNAL: %s at %s:%d", type(error).__name__, os.path.basename(last.filename), last.lineno)
            self._files.cut(marks[0])
            self._series.cut(marks[1])
            self._internal(name, files)

    def _internal(self, name: str, files: Sequence[File]) -> None:
        series_id = self._pseudonym("series", name)
        self._series.add(
            {
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
        )
        for file in files:
            self._add_file(file, fate(Reason.INTERNAL), series_id)

    def _dicom(self, name: str, files: Sequence[File], lost: Sequence[File]) -> None:
        """One series and what was lost of it."""
        sorted_out = group(files, self.voxels, lost)
        if not sorted_out.images:
            reasons = tuple(reason for reason in Reason if reason in {f.reason for f in files})
            series_id, _ = self._add_series(name, files, files, Gate(counts(list(map(_header, files))), reasons))
            for file in files:
                self._add_file(file, sorted_out.fates[file.file_id], series_id)
            for file in lost:
                self._add_file(file, sorted_out.fates[file.file_id])
            return
        judged = gate([_header(f) for f in sorted_out.images])
        reasons = tuple(dict.fromkeys((*sorted_out.reasons, *judged.reasons)))
        images = [sorted_out.images[n] for n in judged.measures.order]
        members = (*files, *lost)
        series_id, volume = self._add_series(name, members, images, Gate(judged.measures, reasons))
        ends = sorted_out.settled(reasons)
        made_of = {f.file_id for f in images}
        for file in members:
            self._add_file(file, ends[file.file_id], series_id, volume if file.file_id in made_of else None)

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
        judged = gate([_header(file)])
        if file.reason is not None:
            judged = Gate(judged.measures, (file.reason,))
        series_id, volume = self._add_series(name, [file], [file], judged, labels)
        end = fate(judged.reasons[0]) if judged.reasons else Fate()
        for part in (file, *(label for _, label in labels)):
            self._add_file(part, end, series_id, volume)

    def _add_series(
        self, name: str, files: Sequence[File], images: Sequence[File], judged: Gate, labels: Sequence[Label] = ()
    ) -> tuple[str, str | None]:
        """The row, the volume where the series is accepted, the identities.  Returns (series_id, volume_id)."""
        lead, m = _header(images[0]), judged.measures
        series_id = self._pseudonym("series", name)
        study_id = self._pseudonym("study", lead.study) if lead.study else None
        patient_id = self._pseudonym("patient", lead.patient) if lead.patient else None
        stated = lead.modality or (modality(images[0], self.index, self.vault) if lead.format != "dicom" else "")
        kind_of_image = vocabulary.MODALITY.published(stated or self.modality or "", self.vault)
        volume, edition = None, None
        if not judged.reasons:
            volume, edition = self._add_volume(name, series_id, kind_of_image, images, judged, labels)
        self._series.add(
            {
                **measured(m),
                "series_id": series_id,
                "study_id": study_id,
                "patient_id": patient_id,
                "volume_id": volume,
                "edition": edition,
                "kind": "image",
                "verdict": _verdict(judged.reasons, images),
                "reason": next(iter(judged.reasons), None),
                "reasons": list(judged.reasons),
                "modality": kind_of_image,
                **measured(device(lead, kind_of_image), ("kernel_class", "profile")),
                **_described(lead, self.vault),
                "lossy": any(_header(f).lossy for f in images),
                "n_files": len(files),
                "n_labels": len(labels),
                "bytes_in": sum(f.size for f in (*images, *(label for _, label in labels))),
            }
        )
        return series_id, volume

    def _add_volume(
        self,
        name: str,
        series_id: str,
        kind_of_image: str | None,
        images: Sequence[File],
        judged: Gate,
        labels: Sequence[Label],
    ) -> tuple[str, str]:
        """The volume, kept in the vault.  Returns (volume_id, edition)."""
        lead, m = _header(images[0]), judged.measures
        # A gate without reasons has measured both.
        assert m.affine is not None
        assert m.geometry_error_mm is not None
        # What the header does not state is not in the content: told otherwise, it is another volume.
        split = "" if lead.format == "dicom" and lead.modality else kind_of_image or ""
        contents = [content_id(_header(f)) for f in images]
        contents += [f"{published} {content_id(_header(f))}" for published, f in labels]
        entry = Entry(
            volume_id=volume_id(self.vault, name, split, contents),
            series_id=series_id,
            modality=kind_of_image,
            parts=tuple(map(Part.of, images)),
            shape=(m.n_slices, *lead.shape[1:]),
            affine=m.affine,
            geometry_error_mm=m.geometry_error_mm,
            spacing_source=m.spacing_source,
            anatomical=m.anatomical,
            labels=tuple((published, Part.of(f)) for published, f in labels),
            suv=suv([_header(f) for f in images]),
        )
        edition = entry.edition(self.vault)
        self.index.add_volume(entry.volume_id, edition, entry.to_json())
        return entry.volume_id, edition

    def _add_file(self, file: File, end: Fate, series_id: str | None = None, volume: str | None = None) -> None:
        self._files.add(
            {
                "file_id": file.file_id,
                "series_id": series_id,
                "volume_id": volume,
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


def _header(file: File) -> Header:
    assert file.header is not None
    return file.header


def _series_name(file: File) -> str:
    """What has no Series Instance UID goes by study and folder."""
    header = _header(file)
    return header.series or f"{header.study}\0{os.fsdecode(file.folder)}"


def _verdict(reasons: Sequence[Reason], images: Sequence[File]) -> str:
    """Skipped where every image is: an empty file is skipped, but what it is a hole of is not."""
    if not reasons:
        return "accepted"
    skipped = all(f.reason is not None and fate(f.reason).outcome is Outcome.SKIPPED for f in images)
    return "skipped" if skipped else "quarantined"


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
