"""Scan: every file accounted for, read once, judged, and named without giving anybody away."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import BasicTextSRStorage, RLELossless

from pipeline.archive import assemble, book
from pipeline.archive import index as indexing
from pipeline.archive import scan as scanning
from pipeline.archive.book import Book
from pipeline.archive.catalog import FILES, SERIES, STACKS, Catalog, Rows
from pipeline.archive.convert import stored
from pipeline.archive.entry import Entry
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.limits import Limits
from pipeline.archive.index import File
from pipeline.archive.scan import scan
from pipeline.archive.slices import Slice
from pipeline.archive.vault import Vault
from pipeline.errors import SourceError
from tests.archive import makers

SENTINEL = "ZQX"
"""Planted in every text of every header, and in every name on disk."""


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault")


def ends(catalog: Catalog) -> Counter[tuple[str | None, str | None]]:
    return Counter((row["outcome"], row["reason"]) for row in catalog.files.to_pylist())


def only(catalog: Catalog) -> dict[str, object]:
    (row,) = catalog.series.to_pylist()
    return row


def tables_equal(a: Catalog, b: Catalog) -> bool:
    return all(x.equals(y, check_metadata=True) for x, y in zip(tables(a), tables(b), strict=True))


def tables(catalog: Catalog) -> tuple[pa.Table, ...]:
    return catalog.files, catalog.series, catalog.stacks


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive") / f"{SENTINEL}-ward"
    texts = {
        "PatientID": f"{SENTINEL}1",
        "PatientName": f"{SENTINEL}^Jane",
        "Manufacturer": f"{SENTINEL} Works",
        "ManufacturerModelName": f"{SENTINEL} 3000",
        "ConvolutionKernel": f"{SENTINEL}k",
        "BodyPartExamined": f"{SENTINEL}PART",
        "StudyDescription": f"{SENTINEL} study",
    }
    good = makers.ct_series(root / "good", oblique=True, **texts)
    shutil.copy(good[2], root / f"{SENTINEL}-copy")
    localizer = {"SeriesInstanceUID": makers.uid("series", 0), "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    makers.write(makers.dataset(makers.voxels((1, 32, 32), 9)[0], **texts | localizer), root / "good" / "loc")
    gap = makers.ct_series(root / "gap", seed=1, **texts | {"StudyInstanceUID": None})
    gap[3].unlink()
    cut = makers.ct_series(root / "cut", seed=2, **texts)
    cut[5].write_bytes(cut[5].read_bytes()[:-100])
    makers.without_pixels(root / "report.dcm", BasicTextSRStorage, PatientID=f"{SENTINEL}1")
    makers.nifti(root / "nii" / f"{SENTINEL}_T1w.nii.gz", makers.voxels((4, 5, 6)), descrip=SENTINEL)
    makers.nifti(root / "nii" / f"{SENTINEL}_T1w_mask.nii.gz", np.ones((4, 5, 6), "u1"))
    makers.nifti(root / "nii" / f"{SENTINEL}_ct_seg.nii", np.ones((9, 5, 6), "u1"))
    (root / "empty.dcm").touch()
    (root / f"{SENTINEL}.txt").write_text(SENTINEL)
    (root / "link").symlink_to(root / "good")
    os.mkfifo(root / "pipe")
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault.create(tmp_path_factory.mktemp("home") / "vault")


@pytest.fixture(scope="module")
def catalog(archive: Path, home: Vault) -> Catalog:
    return scan([archive], home)


class TestAnArchiveOfEverything:
    """Built once; looked at from all sides."""

    def test_every_file_has_one_end(self, archive: Path, catalog: Catalog) -> None:
        names = [p for p in archive.rglob("*") if p.is_symlink() or not p.is_dir()]
        assert catalog.files.num_rows == len(names)
        assert ends(catalog) == {
            (None, None): 8 + 7 + 2,
            ("skipped", "LOCALIZER"): 1,
            ("duplicate", "DUPLICATE_SOP"): 1,
            ("quarantined", "TRUNCATED"): 8,
            ("skipped", "NO_PIXELS"): 1,
            ("skipped", "ORPHAN_LABELS"): 1,
            ("skipped", "EMPTY_FILE"): 1,
            ("skipped", "NOT_AN_IMAGE"): 1,
            ("skipped", "SYMLINK"): 1,
            ("skipped", "SPECIAL_FILE"): 1,
        }

    def test_every_series_stands_once_with_its_verdict(self, catalog: Catalog) -> None:
        rows = catalog.series.to_pylist()
        assert len({row["series_id"] for row in rows}) == len(rows)
        assert Counter((r["format"], r["verdict"], r["reason"], r["n_files"]) for r in rows) == {
            ("dicom", "accepted", None, 10): 1,
            ("dicom", "accepted", "MISSING_SLICE", 7): 1,
            ("dicom", "quarantined", "TRUNCATED", 8): 1,
            ("dicom", "skipped", "NO_PIXELS", 1): 1,
            ("nifti", "accepted", None, 1): 1,
        }

    def test_gate_values_stand_for_all_of_them(self, catalog: Catalog) -> None:
        by_reason = {row["reason"]: row for row in catalog.series.to_pylist() if row["format"] == "dicom"}
        assert by_reason[None]["spacing_k_mm"] == pytest.approx(2.5)
        assert np.allclose(np.reshape(by_reason[None]["affine"], (4, 4)), makers.affine(oblique=True), atol=1e-6)
        assert (by_reason["MISSING_SLICE"]["n_stacks"], by_reason["MISSING_SLICE"]["n_volumes"]) == (2, 2)
        assert by_reason["MISSING_SLICE"]["study_id"] is None
        assert by_reason["TRUNCATED"]["n_slices"] == 8

    def test_a_series_with_a_gap_is_two_parts(self, catalog: Catalog) -> None:
        parts = [row for row in catalog.stacks.to_pylist() if row["partial"]]
        assert {(row["partial"], row["verdict"], row["n_missing_estimated"]) for row in parts} == {
            ("MISSING_SLICE", "accepted", 0)
        }
        assert sorted(row["n_slices"] for row in parts) == [3, 4]

    def test_stacks_of_a_series_are_counted(self, catalog: Catalog) -> None:
        for series in catalog.series.to_pylist():
            rows = [row for row in catalog.stacks.to_pylist() if row["series_id"] == series["series_id"]]
            assert sorted(row["ordinal"] for row in rows) == list(range(series["n_stacks"]))

    def test_a_gap_refuses_a_series_where_asked(self, archive: Path, home: Vault) -> None:
        refused = scan([archive / "gap"], home, irregular="refuse")
        assert only(refused)["reason"] == "MISSING_SLICE"
        assert only(refused)["n_missing_estimated"] == 1
        assert only(refused)["gap_max_mm"] == pytest.approx(5.0)
        assert ends(refused) == {("quarantined", "MISSING_SLICE"): 7}

    def test_files_point_to_their_series_and_volume(self, catalog: Catalog) -> None:
        stacks = {(row["series_id"], row["volume_id"]) for row in catalog.stacks.to_pylist()}
        for row in catalog.files.to_pylist():
            if row["outcome"] is None:
                (volume,) = row["volume_ids"]
                assert (row["series_id"], volume) in stacks
            else:
                assert row["volume_ids"] == []
        made_of = Counter(volume for row in catalog.files.to_pylist() for volume in row["volume_ids"])
        assert sorted(made_of.values()) == [2, 3, 4, 8]

    def test_labels_are_counted_and_named(self, catalog: Catalog, home: Vault) -> None:
        (row,) = (r for r in catalog.series.to_pylist() if r["format"] == "nifti")
        assert (row["n_labels"], row["modality"]) == (1, "MR")
        with home.index() as index:
            entry = Entry.from_json(index.volume(row["volume_id"], row["edition"]) or "")
        assert [name for name, _ in entry.labels] == ["mask"]

    def test_no_text_of_a_header_or_name_leaves(self, catalog: Catalog) -> None:
        for table in tables(catalog):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            raw = sink.getvalue().to_pybytes().lower()
            for secret in (
                SENTINEL,
                "doe^jane",
                "pat-0001",
                *map(makers.uid, ("series", "study", "instance"), (0, 0, 0)),
            ):
                assert secret.lower().encode() not in raw
        (row,) = (r for r in catalog.series.to_pylist() if r["n_files"] == 10)
        for column in ("manufacturer", "model", "kernel", "body_part"):
            assert row[column].startswith("other-")

    def test_the_vault_knows_who_it_is(self, catalog: Catalog, home: Vault) -> None:
        (row,) = (r for r in catalog.series.to_pylist() if r["n_files"] == 10)
        with home.index() as index:
            assert index.identity(row["patient_id"]) == ("patient", f"{SENTINEL}1")
            assert index.identity(row["series_id"]) == ("series", makers.uid("series", 0))

    def test_a_second_scan_reads_nothing_and_says_the_same(
        self, archive: Path, catalog: Catalog, home: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Child, "headers", _never)
        monkeypatch.setattr(scanning, "stored", _never)
        assert tables_equal(scan([archive], home), catalog)

    def test_workers_and_another_place_change_nothing_that_is_named_by_content(
        self, archive: Path, catalog: Catalog, home: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree(archive, tmp_path / "elsewhere", symlinks=True, ignore=shutil.ignore_patterns("pipe"))
        monkeypatch.setattr(scanning, "BATCH", 3)
        moved = scan([tmp_path / "elsewhere"], home, workers=3)
        named = [table.drop_columns("edition") for table in (moved.series, catalog.series)]
        assert named[0].equals(named[1], check_metadata=True)
        for there, here in zip(*(t["edition"].to_pylist() for t in (moved.series, catalog.series)), strict=True):
            assert there is here is None or there != here
        assert set(moved.files["file_id"].to_pylist()).isdisjoint(catalog.files["file_id"].to_pylist())

    def test_the_tables_are_what_their_schemas_say(self, catalog: Catalog) -> None:
        for table, schema in zip(tables(catalog), (FILES, SERIES, STACKS), strict=True):
            assert table.schema.equals(schema, check_metadata=True)
            assert schema.metadata == {b"schema_version": b"2"}
            assert table.column(0).to_pylist() == sorted(table.column(0).to_pylist())
            for field in schema:
                assert field.metadata[b"description"]
                assert field.metadata[b"unit"] or not field.name.endswith(("_mm", "_deg", "_bytes"))
                assert field.nullable or table.column(field.name).null_count == 0


def _never(*_: object) -> Iterable[object]:
    raise AssertionError("a file was read again")


class TestIncremental:
    def counted(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        asked: list[str] = []
        headers = Child.headers

        def counting(self: Child, paths: list[str]) -> object:
            asked.extend(map(os.path.basename, paths))
            return headers(self, paths)

        monkeypatch.setattr(Child, "headers", counting)
        return asked

    def test_only_what_is_new_or_changed_is_read(
        self, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        src = tmp_path / "src"
        files = makers.ct_series(src)
        asked = self.counted(monkeypatch)
        first = scan([src], vault)
        assert len(asked) == 8
        asked.clear()
        os.utime(files[3], ns=(1, 1))
        late = makers.ct_series(tmp_path / "late", n=9)[8]
        shutil.move(late, src / "late.dcm")
        second = scan([src], vault)
        assert asked == ["0003.dcm", "late.dcm"]
        # A late slice: the same series, another volume.
        assert only(second)["series_id"] == only(first)["series_id"]
        assert only(second)["volume_id"] != only(first)["volume_id"]
        assert only(second)["n_slices"] == 9
        asked.clear()
        (src / "late.dcm").unlink()
        third = scan([src], vault)
        assert asked == []
        assert third.files.equals(first.files)
        assert third.series.drop_columns("edition").equals(first.series.drop_columns("edition"))
        assert only(third)["edition"] != only(first)["edition"]

    def test_a_late_label_makes_another_volume(self, tmp_path: Path, vault: Vault) -> None:
        src = tmp_path / "src"
        makers.nifti(src / "a.nii", makers.voxels((3, 4, 5)))
        first = only(scan([src], vault))
        makers.nifti(src / "a_mask.nii", np.ones((3, 4, 5), "u1"))
        second = only(scan([src], vault))
        assert first["series_id"] == second["series_id"]
        assert first["volume_id"] != second["volume_id"]
        assert scan([src], vault, labels=[]).series.num_rows == 2

    def test_what_may_come_out_otherwise_is_tried_again(self, tmp_path: Path, vault: Vault) -> None:
        makers.ct_series(tmp_path / "src", n=2)
        assert ends(scan([tmp_path / "src"], vault, limits=Limits(declared_bytes=100))) == {
            ("quarantined", "BOMB_DECLARED"): 2
        }
        assert ends(scan([tmp_path / "src"], vault)) == {(None, None): 2}

    def test_it_tells_how_far_it_is(self, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scanning, "BATCH", 3)
        makers.ct_series(tmp_path / "src", n=7)
        told: list[tuple[int, int]] = []
        scan([tmp_path / "src"], vault, advance=lambda done, of: told.append((done, of)))
        assert told == [(3, 7), (6, 7), (7, 7)]


class TestCopies:
    def test_a_compressed_copy_is_known_by_its_voxels(self, tmp_path: Path, vault: Vault) -> None:
        src = tmp_path / "src"
        makers.ct_series(src / "a")

        def compress(k: int, ds: object) -> None:
            ds.compress(RLELossless, generate_instance_uid=False)  # type: ignore[attr-defined]

        makers.ct_series(src / "b", n=8, edit=compress)
        catalog = scan([src], vault)
        assert ends(catalog) == {(None, None): 8, ("duplicate", "DUPLICATE_SOP"): 8}
        assert only(catalog)["transfer_syntax"] == "1.2.840.10008.1.2.1"
        native = only(catalog)["volume_id"]
        shutil.rmtree(src / "a")
        assert only(scan([src], vault))["volume_id"] == native

    def test_one_changed_voxel_is_a_conflict(self, tmp_path: Path, vault: Vault) -> None:
        src = tmp_path / "src"
        makers.ct_series(src / "a")

        def change(k: int, ds: object) -> None:
            ds.PixelData = bytes([ds.PixelData[0] ^ 1]) + ds.PixelData[1:]  # type: ignore[attr-defined]

        makers.ct_series(src / "b", n=1, edit=change)
        assert ends(scan([src], vault)) == {("quarantined", "DUPLICATE_SOP_CONFLICT"): 9}

    def test_a_truncated_copy_does_not_spoil_what_is_whole(
        self, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor is there any need to decode the two."""
        monkeypatch.setattr(scanning, "stored", _never)
        slices = makers.ct_series(tmp_path / "src")
        (tmp_path / "src" / "part.dcm").write_bytes(slices[3].read_bytes()[:-500])
        assert ends(scan([tmp_path / "src"], vault)) == {(None, None): 8, ("quarantined", "TRUNCATED"): 1}

    def test_a_copy_that_cannot_be_decoded_is_like_no_other(self, tmp_path: Path, vault: Vault) -> None:
        src = tmp_path / "src"
        makers.ct_series(src / "a", n=2)

        def damage(k: int, ds: Dataset) -> None:
            ds.compress(RLELossless, generate_instance_uid=False)
            if k == 1:
                ds.PixelData = ds.PixelData[:90] + b"\x7f" * (len(ds.PixelData) - 98) + ds.PixelData[-8:]

        makers.ct_series(src / "b", n=2, edit=damage)
        catalog = scan([src], vault)
        assert only(catalog)["reason"] == "DUPLICATE_SOP_CONFLICT"
        assert tables_equal(scan([src], vault), catalog)

    def test_nobody_waits_for_the_index_while_voxels_are_decoded(
        self, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        src = tmp_path / "src"
        makers.ct_series(src / "a", n=2)
        shutil.copytree(src / "a", src / "b")
        monkeypatch.setattr(indexing, "_BUSY_S", 0.0)
        decoded = []

        def decoding(file: File, child: Child) -> np.ndarray:
            with vault.index(write=True) as other, other.transaction():
                other.add_identity(file.file_id, "test", "")
            decoded.append(file)
            return stored(file, child)

        monkeypatch.setattr(scanning, "stored", decoding)
        assert ends(scan([src], vault)) == {(None, None): 2, ("duplicate", "DUPLICATE_SOP"): 2}
        assert len(decoded) == 4


class TestHoles:
    """A file that lost its header lost its series: what is left may look like a regular stack (law L5)."""

    def every_second(self, src: Path, length: int, **facts: object) -> list[Path]:
        slices = makers.ct_series(src, n=9, **facts)
        for path in slices[1::2]:
            path.write_bytes(path.read_bytes()[:length])
        return slices

    @pytest.mark.parametrize(("length", "reason"), [(0, "EMPTY_FILE"), (300, "UNREADABLE"), (700, "TRUNCATED")])
    def test_every_second_slice_is_cut(self, tmp_path: Path, vault: Vault, length: int, reason: str) -> None:
        self.every_second(tmp_path / "src", length)
        catalog = scan([tmp_path / "src"], vault)
        row = only(catalog)
        assert (row["verdict"], row["volume_id"], row["n_files"]) == ("quarantined", None, 9)
        assert {reason for _, reason in ends(catalog)} <= {"EMPTY_FILE", "UNREADABLE", "TRUNCATED"}
        assert {outcome for outcome, _ in ends(catalog)} == {"quarantined"}
        if length == 0:
            assert (row["reason"], ends(catalog)) == (reason, {("quarantined", reason): 9})
        assert set(catalog.files["series_id"].to_pylist()) == {row["series_id"]}

    @pytest.mark.parametrize("suffix", ["", ".99"])
    def test_files_without_suffix(self, tmp_path: Path, vault: Vault, suffix: str) -> None:
        """What is named by its UID has no suffix, though it has dots."""
        for k, path in enumerate(self.every_second(tmp_path / "src", 0)):
            path.rename(path.with_name(f"1.2.{k}{suffix}"))
        assert only(scan([tmp_path / "src"], vault))["reason"] == "EMPTY_FILE"

    def test_series_without_uid(self, tmp_path: Path, vault: Vault) -> None:
        self.every_second(tmp_path / "src" / "a", 0, SeriesInstanceUID=None)
        makers.ct_series(tmp_path / "src" / "b", seed=1, SeriesInstanceUID=None)
        rows = scan([tmp_path / "src"], vault).series.to_pylist()
        assert sorted((r["verdict"], r["reason"]) for r in rows if r["reason"]) == [("quarantined", "EMPTY_FILE")]

    @pytest.mark.parametrize("name", [".unpacked", "done.txt", "VERSION", ".hidden.dcm", "sub/0009.dcm"])
    def test_a_marker_is_no_hole(self, tmp_path: Path, vault: Vault, name: str) -> None:
        makers.ct_series(tmp_path / "src")
        (tmp_path / "src" / "sub").mkdir()
        (tmp_path / "src" / name).touch()
        assert ends(scan([tmp_path / "src"], vault)) == {(None, None): 8, ("skipped", "EMPTY_FILE"): 1}

    def test_among_two_series_nobody_knows_whose_it_is(self, tmp_path: Path, vault: Vault) -> None:
        makers.ct_series(tmp_path / "src")
        for path in makers.ct_series(tmp_path / "other", seed=1):
            shutil.move(path, tmp_path / "src" / f"b{path.name}")
        (tmp_path / "src" / "x.dcm").touch()
        assert ends(scan([tmp_path / "src"], vault)) == {(None, None): 16, ("skipped", "EMPTY_FILE"): 1}

    def test_what_is_skipped_has_no_holes(self, tmp_path: Path, vault: Vault) -> None:
        makers.without_pixels(tmp_path / "src" / "report.dcm", BasicTextSRStorage)
        (tmp_path / "src" / "x.dcm").touch()
        catalog = scan([tmp_path / "src"], vault)
        assert ends(catalog) == {("skipped", "NO_PIXELS"): 1, ("skipped", "EMPTY_FILE"): 1}
        assert only(catalog)["verdict"] == "skipped"


def _odd(attribute: str, value: object) -> makers.Edit:
    def edit(k: int, ds: Dataset) -> None:
        if k == 7:
            ds.add(RawDataElement(Tag(attribute), "DS", len(value), value, 0, False, True))  # type: ignore[arg-type]

    return edit


class TestIsolation:
    """One bad input changes nothing else (law L6)."""

    @pytest.mark.parametrize(
        ("attribute", "value", "reason"),
        [
            ("ImagePositionPatient", b"0\\0\\1e12", "MISSING_GEOMETRY"),
            ("ImagePositionPatient", b"1e308\\-1e308\\1e308", "MISSING_GEOMETRY"),
            ("ImageOrientationPatient", b"1e200\\0\\0\\0\\1e200\\0", "MISSING_GEOMETRY"),
            ("PixelSpacing", b"1e200\\1e200", "MISSING_GEOMETRY"),
            ("NumberOfFrames", b"99999999999", "BOMB_DECLARED"),
            ("NumberOfFrames", b"1e300", "BOMB_DECLARED"),
        ],
    )
    def test_numbers_beyond_reason(
        self, tmp_path: Path, vault: Vault, attribute: str, value: bytes, reason: str
    ) -> None:
        makers.ct_series(tmp_path / "src" / "a", edit=_odd(attribute, value))
        makers.ct_series(tmp_path / "src" / "b", seed=1)
        catalog = scan([tmp_path / "src"], vault)
        whole = vault.pseudonym("series", makers.uid("series", 1))
        rows = {row["series_id"] == whole: row for row in catalog.series.to_pylist()}
        assert (rows[True]["verdict"], rows[True]["reason"], rows[True]["n_volumes"]) == ("accepted", None, 1)
        assert reason in rows[False]["reasons"] or rows[False]["reason"] == "UNREADABLE"
        assert ends(catalog).total() == 16

    def test_sizes_beyond_reason(self, tmp_path: Path, vault: Vault) -> None:
        image = makers.itk_image(tmp_path / "src" / "b.nrrd", makers.voxels((3, 4, 5)))
        header = image.read_bytes().replace(b"sizes: 5 4 3", b"sizes: 99999999999999999999999 4 3")
        (tmp_path / "src" / "a.nrrd").write_bytes(header)
        found = ends(scan([tmp_path / "src"], vault))
        assert found[None, None] == 1
        assert found.total() == 2

    @pytest.mark.parametrize(("where", "series", "files"), [("stacks", 3, 8), ("suv", 3, 8), ("link", 2, 3)])
    def test_an_error_of_this_program_ends_one_series(
        self,
        tmp_path: Path,
        vault: Vault,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        where: str,
        series: int,
        files: int,
    ) -> None:
        """Series "b", and both folders of NIfTI; linking knows folders only."""
        src = tmp_path / "src"
        makers.ct_series(src / "a")
        makers.ct_series(src / "b", n=5, seed=1)
        makers.nifti(src / "c" / "c.nii", makers.voxels((5, 6, 7)))
        makers.nifti(src / "d" / "d.nii", makers.voxels((3, 6, 7)))
        makers.nifti(src / "d" / "d_mask.nii", np.ones((3, 6, 7), "u1"))
        before = scan([src], vault)
        assert ends(before) == {(None, None): 16}
        module = book if where == "suv" else assemble
        sound = getattr(module, where)

        def failing(of: Any, *others: Any) -> object:
            first = of[0] if isinstance(of, list) else of
            header = first.header if isinstance(first, File | Slice) else first
            if header.series != makers.uid("series", 0):
                raise ArithmeticError(SENTINEL)
            return sound(of, *others)

        monkeypatch.setattr(module, where, failing)
        after = scan([src], vault)
        rows = {row["series_id"]: row for row in after.series.to_pylist()}
        refused = [row for row in rows.values() if row["verdict"] == "quarantined"]
        assert {row["reason"] for row in refused} == {"INTERNAL"}
        assert len(refused) == series
        assert ends(after) == {(None, None): 16 - files, ("quarantined", "INTERNAL"): files}
        whole = vault.pseudonym("series", makers.uid("series", 0))
        assert rows[whole] == next(row for row in before.series.to_pylist() if row["series_id"] == whole)
        assert "ArithmeticError at test_scan.py" in caplog.text
        assert SENTINEL not in caplog.text

    def test_what_was_told_of_it_before_is_forgotten(
        self, tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        makers.ct_series(tmp_path / "src", n=4)
        sound, told = Book.add_file, []

        def failing(self: Book, *of: Any) -> None:
            told.append(of)
            if len(told) == 3:
                raise ArithmeticError
            sound(self, *of)

        monkeypatch.setattr(Book, "add_file", failing)
        catalog = scan([tmp_path / "src"], vault)
        assert only(catalog)["reason"] == "INTERNAL"
        assert only(catalog)["n_files"] == 4
        assert ends(catalog) == {("quarantined", "INTERNAL"): 4}

    def test_counts_that_no_column_holds(self) -> None:
        rows = Rows(FILES)
        rows.add({"file_id": "a", "size_bytes": 10**30})
        assert rows.table()["size_bytes"].to_pylist() == [2**63 - 1]


class TestSources:
    def test_a_source_that_is_missing(self, tmp_path: Path, vault: Vault) -> None:
        with pytest.raises(SourceError):
            scan([tmp_path / "nowhere"], vault)

    def test_an_empty_source_is_an_empty_catalog(self, tmp_path: Path, vault: Vault) -> None:
        (tmp_path / "src").mkdir()
        catalog = scan([tmp_path / "src"], vault)
        assert (catalog.files.num_rows, catalog.series.num_rows) == (0, 0)
        assert catalog.series.schema == SERIES

    def test_one_file_and_overlapping_sources_count_once(self, tmp_path: Path, vault: Vault) -> None:
        src = tmp_path / "src"
        one = makers.nifti(src / "sub" / "a.nii", makers.voxels((3, 4, 5)))
        whole = scan([src], vault)
        assert tables_equal(scan([one, src / "sub", src], vault), whole)
        other = makers.nifti(src / "sub" / "b.nii", makers.voxels((3, 4, 5)))
        alone = scan([one, other], vault).series["series_id"].to_pylist()
        assert set(alone) == {vault.pseudonym("series", name) for name in ("a.nii", "b.nii")}

    def test_equal_names_below_two_sources(self, tmp_path: Path, vault: Vault) -> None:
        """Two sites may well both have a.nii: other content is another series, the same content a copy."""
        a, b, c = (tmp_path / name for name in "abc")
        makers.nifti(a / "a.nii", makers.voxels((3, 4, 5)))
        makers.nifti(b / "a.nii", makers.voxels((3, 4, 5), seed=1))
        shutil.copytree(a, c)
        both = scan([a, b], vault)
        assert len(set(both.series["series_id"].to_pylist())) == 2
        assert ends(scan([a, c], vault)) == {(None, None): 1, ("duplicate", "DUPLICATE_SOP"): 1}

    def test_files_without_series_uid_go_by_study_and_folder(self, tmp_path: Path, vault: Vault) -> None:
        makers.ct_series(tmp_path / "src" / "a", SeriesInstanceUID=None)
        makers.ct_series(tmp_path / "src" / "b", seed=1, SeriesInstanceUID=None)
        rows = scan([tmp_path / "src"], vault).series.to_pylist()
        assert [(r["verdict"], r["n_slices"]) for r in rows] == [("accepted", 8)] * 2

    def test_undecodable_names(self, tmp_path: Path, vault: Vault) -> None:
        src = tmp_path / "src"
        src.mkdir()
        image = makers.nifti(tmp_path / "a.nii", makers.voxels((3, 4, 5)))
        shutil.move(image, os.fsdecode(os.fsencode(src) + b"/\xff\n.nii"))
        assert ends(scan([src], vault)) == {(None, None): 1}


class TestModality:
    def test_of_images_that_state_none(self, tmp_path: Path, vault: Vault) -> None:
        expected = {}
        for n, (name, sidecar, modality) in enumerate(
            [
                ("sub-01_T1w.nii.gz", None, "MR"),
                ("sub-01_ct.nii.gz", None, "CT"),
                ("sub-01_pet.nii", None, "PT"),
                ("scan.nii", '{"Modality": "CT"}', "CT"),
                ("sub_T1w.nii", '{"Modality":"PT"}', "PT"),
                ("scan.nii", '{"Modality": "Dr Doe"}', "DX"),
                ("t1w.nii", None, "DX"),
            ]
        ):
            image = makers.nifti(tmp_path / "src" / str(n) / name, makers.voxels((3, 4, 5)))
            if sidecar:
                image.with_name(name.split(".")[0] + ".json").write_text(sidecar)
            expected[vault.pseudonym("series", f"{n}/{name}")] = modality
        rows = scan([tmp_path / "src"], vault, modality="DX").series.to_pylist()
        assert {row["series_id"]: row["modality"] for row in rows} == expected

    def test_a_sidecar_is_opened_only_where_it_is_a_file_of_the_source(self, tmp_path: Path, vault: Vault) -> None:
        image = makers.nifti(tmp_path / "src" / "scan.nii", makers.voxels((3, 4, 5)))
        os.mkfifo(image.with_suffix(".json"))
        assert only(scan([tmp_path / "src"], vault))["modality"] is None
        image.with_suffix(".json").unlink()
        image.with_suffix(".json").write_text('{"Modality": "CT"}')
        assert only(scan([image], vault))["modality"] is None  # beside the source, not in it
        assert only(scan([tmp_path / "src"], vault))["modality"] == "CT"

    def test_told_otherwise_it_is_another_volume(self, tmp_path: Path, vault: Vault) -> None:
        makers.nifti(tmp_path / "src" / "scan.nii", makers.voxels((3, 4, 5)))
        told = [only(scan([tmp_path / "src"], vault, modality=m))["volume_id"] for m in (None, "CT", "MR", None)]
        assert len(set(told)) == 3
        assert told[0] == told[3]
