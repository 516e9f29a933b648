"""From the facts of files to volumes, verdicts and catalog rows.  Series by series: memory does not grow with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.archive import vocabulary
from pipeline.archive.catalog import FILES, SERIES, Catalog, Rows, measured
from pipeline.archive.entry import Entry, Part
from pipeline.archive.formats.header import Header
from pipeline.archive.gate import Gate, gate
from pipeline.archive.group import Fate, fate, group
from pipeline.archive.identity import content_id, volume_id
from pipeline.archive.index import File, Index
from pipeline.archive.labels import link, word
from pipeline.archive.measure import counts
from pipeline.archive.modality import modality
from pipeline.archive.vault import Vault
from pipeline.reasons import Outcome, Reason

Label = tuple[str, File]


@dataclass
class Assembly:
    """One scan's files, put together.

    Attributes
    ----------
    voxels : sha256 of a file's stored values, asked for copies of one SOP instance only
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
            for files in self.index.series():
                self._dicom(files)
            shared, seen = self.index.shared_names(), set[str]()
            for files in self.index.folders():
                self._folder(files, shared, seen)
            for file in self.index.rest():
                self._add_file(file, fate(file.reason or Reason.INTERNAL))
        return Catalog(self._files.table(), self._series.table())

    def _dicom(self, files: Sequence[File]) -> None:
        """One series.  What has no Series Instance UID goes by study and folder."""
        headers = [_header(f) for f in files]
        sorted_out = group(files, self.voxels)
        name = headers[0].series or f"{headers[0].study}\0{os.fsdecode(files[0].folder)}"
        if not sorted_out.images:
            skipped = [reason for reason in Reason if reason in {f.reason for f in files}]
            series_id = self._add_series(name, files, files, Gate(counts(headers), tuple(skipped)))[0]
            for file in files:
                self._add_file(file, sorted_out.fates[file.file_id], series_id)
            return
        judged = gate([_header(f) for f in sorted_out.images])
        reasons = tuple(dict.fromkeys((*sorted_out.reasons, *judged.reasons)))
        images = [sorted_out.images[n] for n in judged.measures.order]
        series_id, volume = self._add_series(name, files, images, Gate(judged.measures, reasons))
        ends = sorted_out.settled(reasons)
        made_of = {f.file_id for f in images}
        for file in files:
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
            self._image(name, file, linked.get(file.file_id, ()))
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
        accepted = not judged.reasons and m.affine is not None and m.geometry_error_mm is not None
        volume = None
        if accepted:
            volume = self._add_volume(name, series_id, kind_of_image, images, judged, labels)
        outcomes = {fate(reason).outcome for reason in judged.reasons}
        self._series.add(
            {
                **measured(m),
                "series_id": series_id,
                "study_id": study_id,
                "patient_id": patient_id,
                "volume_id": volume,
                "kind": "image",
                "verdict": _verdict(accepted, outcomes),
                "reason": next(iter(judged.reasons), None),
                "reasons": list(judged.reasons),
                "modality": kind_of_image,
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
    ) -> str:
        lead, m = _header(images[0]), judged.measures
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
            affine=m.affine or (),
            geometry_error_mm=m.geometry_error_mm or 0.0,
            labels=tuple((published, Part.of(f)) for published, f in labels),
        )
        self.index.add_volume(entry.volume_id, entry.to_json())
        return entry.volume_id

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


def _verdict(accepted: bool, outcomes: Iterable[Outcome | None]) -> str:
    if accepted:
        return "accepted"
    return "skipped" if set(outcomes) == {Outcome.SKIPPED} else "quarantined"


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
