"""From the facts of files to volumes, verdicts and catalog rows.  Series by series: memory does not grow with them."""

from __future__ import annotations

import logging
import os
import sqlite3
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pipeline.archive.book import Book, Label
from pipeline.archive.catalog import Catalog
from pipeline.archive.derived_labels import DRAWABLE, Annotations, Target, is_annotation
from pipeline.archive.entry import grid_of
from pipeline.archive.formats.header import Header
from pipeline.archive.gate import Gate
from pipeline.archive.group import PENDING, fate, group
from pipeline.archive.holes import holes
from pipeline.archive.index import File, Index, series_key
from pipeline.archive.labels import link, word
from pipeline.archive.measure import counts
from pipeline.archive.pairs import paired
from pipeline.archive.slices import slices
from pipeline.archive.stacks import Irregular, Stack, stacks
from pipeline.archive.vault import Vault
from pipeline.reasons import Reason

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
    # Segmentations and structure sets: a series with what was lost of it, and the ends of those that lie on a volume.
    _aside: list[tuple[list[str], list[File]]] = field(default_factory=list)
    _drawn: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.book = Book(self.index, self.vault, self.modality)

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
                if file.file_id not in adopted and not self.book.is_shared(file):
                    self.book.add_file(file, fate(file.reason or Reason.INTERNAL))
            self.book.add_shared(adopted)
        return self.book.catalog()

    @contextmanager
    def _isolated(self, name: str, files: Sequence[File]) -> Iterator[None]:
        """What goes wrong inside ends as one INTERNAL series: one bad input changes nothing else (law L6)."""
        marks = self.book.marks()
        try:
            yield
        except sqlite3.Error:  # the transaction is lost, not this series
            raise
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            # Type and place, never the message, which may quote a header.
            _LOG.error("INTERNAL: %s at %s:%d", type(error).__name__, os.path.basename(last.filename), last.lineno)
            self.book.cut(marks)
            self.book.add_internal(name, files)

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
        series_id, ends = self.book.add_series(name, (*files, *lost), found, labels)
        for file in (*files, *lost):
            end, volumes = ends.get(file.file_id, (PENDING, ()))
            self.book.add_file(file, sorted_out.fates.get(file.file_id, end), series_id, volumes)
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
                self.book.add_file(file, PENDING, *self._drawn[file.file_id])
            elif reason is Reason.DUPLICATE_SOP:
                self.book.add_file(file, fate(reason))
            else:
                known = Reason.ORPHAN_LABELS if file.reason in DRAWABLE else file.reason
                left.append(replace(file, reason=reason or known))
        for file in lost:
            self.book.add_file(file, fate(file.reason or Reason.INTERNAL))
        if left:
            reasons = tuple(reason for reason in Reason if reason in {f.reason for f in left})
            one = Stack(tuple(slices(left)), Gate(counts(list(map(_header, left))), reasons))
            series_id, _ = self.book.add_series(name, left, [one], [()])
            for file in left:
                self.book.add_file(file, fate(file.reason or Reason.INTERNAL), series_id)

    def _folder(self, files: Sequence[File], shared: set[bytes], seen: set[str]) -> None:
        """The images and label maps of one folder.  A path below two sources is told apart by its content."""
        images: list[tuple[str, File]] = []
        labels: list[Label] = []
        for file in files:
            name = os.fsdecode(file.relative)
            if file.relative in shared:
                name = f"{name}\0{_header(file).content}"
                if name in seen:
                    self.book.add_file(file, fate(Reason.DUPLICATE_SOP))
                    continue
                seen.add(name)
            kind = word(file, self.globs)
            if kind is None:
                images.append((name, file))
            elif file.reason is None:
                labels.append((kind, file))
            else:
                self.book.add_file(file, fate(file.reason))
        linked = link([file for _, file in images], labels)
        for name, file in images:
            own = linked.get(file.file_id, [])
            with self._isolated(name, (file, *(label for _, label in own))):
                self._image(name, file, own)
        owned = {label.file_id for own in linked.values() for _, label in own}
        for _, label in labels:
            if label.file_id not in owned:
                self.book.add_file(label, fate(Reason.ORPHAN_LABELS))

    def _image(self, name: str, file: File, labels: Sequence[Label]) -> None:
        """A file of another format: an image, or several of one place."""
        found = stacks(slices([file]))
        if file.reason is not None:
            found = [Stack.of(slices([file])[:1], file.reason)]
        series_id, ends = self.book.add_series(name, [file], found, [labels] * len(found))
        for part in (file, *(label for _, label in labels)):
            end, volumes = ends[part.file_id]
            self.book.add_file(part, end, series_id, volumes)


def _header(file: File) -> Header:
    assert file.header is not None
    return file.header


def _series_name(file: File) -> str:
    """What has no Series Instance UID goes by study and folder."""
    header = _header(file)
    return header.series or f"{header.study}\0{os.fsdecode(file.folder)}"
