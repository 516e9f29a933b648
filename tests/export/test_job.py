"""Whole exports: what is written, where, and what becomes of volumes that cannot be."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from pipeline.engine.workspace import Workspace, read_catalog
from pipeline.errors import UsageError
from pipeline.export.destination import Destination
from pipeline.export.job import Exported, Job
from pipeline.export.refusal import Refusal
from pipeline.reasons import Reason
from pipeline.store import omezarr
from tests.archive.makers import ct_series, nifti, uid, voxels
from tests.engine.jobs import everything, recipe, run, workspace
from tests.export.made import frames, together

TEXT = """\
name: body
stages:
  - {use: resample, spacing: [2.0, 1.0, 1.0], keep: ct}
  - {use: threshold, lower: 60, keep: body}
  - {use: threshold, from: raw, lower: 60, keep: exact}
  - {use: transform, from: raw, degrees: [5.0, 0.0, 0.0], as: turned}
  - {use: threshold, lower: 60, keep: moved}
  - {use: window, from: ct, center: 40, width: 400, keep: image}
"""
PATHS = {"ct": "ct", "image": "image", "body": "ct/labels/body", "mask": "ct/labels/mask"}
PATHS |= {name: name for name in ("exact", "moved")}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two CT series of one patient, one of them oblique, and a NIfTI with a mask; the recipe has run."""
    root = tmp_path_factory.mktemp("export")
    for n in range(2):
        ct_series(root / "archive" / f"ct{n}", n=6, seed=n, oblique=n == 1, PatientName="SENTINEL^NAME", StudyID="S1")
    array = voxels((5, 20, 24), 7)
    nifti(root / "archive" / "nii" / "sentinel_ct.nii.gz", array - np.int16(1024))
    nifti(root / "archive" / "nii" / "sentinel_mask.nii.gz", (array > 1000).astype("u1") * 3)
    opened = workspace(root, root / "archive")
    run(opened, TEXT)
    return opened


def volumes(held: Workspace) -> dict[str, tuple[str, str]]:
    """(volume id, edition) by series: of ``uid("series", n)``, or of the path."""
    rows = read_catalog(held.output).series.to_pylist()
    named = {held.vault.pseudonym("series", uid("series", n)): f"ct{n}" for n in range(2)}
    return {named.get(row["series_id"], "nii"): (row["volume_id"], row["edition"]) for row in rows}


def exported(held: Workspace, destination: Path, form: Any, *chosen: str, **fields: Any) -> list[Exported]:
    names = volumes(held)
    overwrite = fields.pop("overwrite", False)
    target = Destination.open(destination, held.output.root, held.vault.path, private=True, overwrite=overwrite)
    job = Job(held.output, recipe(TEXT), form, target, vault=held.vault, **fields)
    return [row for rows in job.run([names[name] for name in chosen or sorted(names)]) for row in rows]


def file_of(destination: Path, rows: list[Exported], output: str) -> Path:
    (row,) = (row for row in rows if row.output == output)
    return destination / row.files[0]


@pytest.mark.parametrize("name", ["ct0", "ct1"])
def test_a_segmentation_of_a_published_label_map(held: Workspace, tmp_path: Path, name: str) -> None:
    """What the threshold gives on the files' own voxels, slice by slice."""
    rows = exported(held, tmp_path, "dicom-seg", name, names=("exact",))
    slices = {
        ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, (held.vault.path.parent / "archive" / name).iterdir())
    }
    encoded = file_of(tmp_path, rows, "exact").read_bytes()
    assert {frame.instance for frame in frames(encoded)} <= set(slices)
    instances = list(slices)
    stored = np.stack([ds.pixel_array for ds in slices.values()])
    assert np.array_equal(together(encoded, instances, stored.shape), stored - 1024 >= 60)
    ds = pydicom.dcmread(file_of(tmp_path, rows, "exact"))
    assert ds.PatientName == "SENTINEL^NAME"
    assert [s.SegmentLabel for s in ds.SegmentSequence] == ["exact 1"]


@pytest.mark.parametrize(("form", "suffix"), [("nifti", ".nii.gz"), ("nrrd", ".nrrd")])
def test_simpleitk_reads_what_was_published(held: Workspace, tmp_path: Path, form: str, suffix: str) -> None:
    """Voxel for voxel, corner for corner."""
    rows = exported(held, tmp_path, form, "ct1", "nii")
    ledger = held.ledger
    assert {row.output for row in rows} == set(PATHS)
    for row in rows:
        assert row.reason is None
        record = ledger.derived(row.volume_id, "body")
        assert record is not None
        volume = omezarr.read(held.output.root / record["path"] / PATHS[row.output])
        image = sitk.ReadImage(tmp_path / row.files[0])
        array = sitk.GetArrayFromImage(image)
        assert row.files[0].endswith(suffix)
        assert np.array_equal(array, volume.array.astype(array.dtype))
        assert array.dtype == {"float16": "float32"}.get(str(volume.array.dtype), volume.array.dtype)
        k, j, i = (n - 1 for n in volume.grid.shape)
        for corner in ((0, 0, 0), (k, 0, 0), (0, j, 0), (0, 0, i), (k, j, i)):
            theirs = np.array(image.TransformIndexToPhysicalPoint(corner[::-1]))
            assert np.abs(theirs - volume.grid.position(corner)).max() < 0.01


def test_a_raw_volume_and_the_labels_that_came_with_it(held: Workspace, tmp_path: Path) -> None:
    target = Destination.open(tmp_path, held.output.root, held.vault.path, private=False)
    job = Job(held.output, recipe("name: raw\n"), "nifti", target)
    ((image, mask),) = job.run([volumes(held)["nii"]])
    assert sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / image.files[0])).min() < -100
    assert set(np.unique(sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / mask.files[0])))) == {0, 3}
    told = json.loads((tmp_path / mask.files[1]).read_text())
    assert [(s["value"], s["name"]) for s in told["labels"]] == [(3, "mask 3")]
    assert mask.files[0].endswith("_raw_mask.nii.gz")


def test_one_bad_volume_changes_nothing_else(held: Workspace, tmp_path: Path) -> None:
    """Law L6: a source that is no DICOM series, one that changed, a damaged label map."""
    broken = Workspace(held.output, held.vault)
    names, copy = volumes(held), tmp_path / "kept"
    slice_ = held.vault.path.parent / "archive" / "ct0" / "0000.dcm"
    shutil.copy2(slice_, copy)
    status = slice_.stat()
    try:
        slice_.write_bytes(copy.read_bytes()[::-1])
        rows = exported(broken, tmp_path / "out", "dicom-seg", names=("exact",))
    finally:
        shutil.copy2(copy, slice_)
        os.utime(slice_, ns=(status.st_atime_ns, status.st_mtime_ns))
    ended = {row.volume_id: row.reason for row in rows}
    assert ended == {names["ct0"][0]: Reason.CHANGED, names["ct1"][0]: None, names["nii"][0]: Refusal.NOT_DICOM}
    assert [p.name for p in (tmp_path / "out").iterdir()] == [row.files[0] for row in rows if row.files]


def test_a_damaged_array_is_not_exported(held: Workspace, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(held.output.root, root)
    copied = Workspace(type(held.output)(root), held.vault)
    (shard,) = [p for p in root.glob("derived/**/exact/0/c/0/0/0") if volumes(held)["ct0"][0] in str(p)]
    content = bytearray(shard.read_bytes())
    content[40] ^= 255
    shard.write_bytes(content)
    rows = exported(copied, tmp_path / "out", "nifti", "ct0", "ct1", names=("exact",))
    assert [row.reason for row in rows] == [Reason.DAMAGED, None]


def test_labels_that_were_moved_in_the_patient_are_no_segmentation(held: Workspace, tmp_path: Path) -> None:
    rows = exported(held, tmp_path, "dicom-seg", "ct0")
    assert {row.output: row.reason for row in rows} == {"body": None, "exact": None, "moved": Refusal.MOVED}


def test_names_that_nobody_published(held: Workspace, tmp_path: Path) -> None:
    rows = exported(held, tmp_path, "dicom-seg", "ct0", names=("ct",))
    assert [row.reason for row in rows] == [Refusal.NO_SUCH_OUTPUT]
    target = Destination.open(tmp_path, held.output.root, held.vault.path, private=False)
    other = Job(held.output, recipe(TEXT.replace("name: body", "name: other")), "nifti", target)
    assert [row.reason for (row,) in other.run([volumes(held)["ct0"]])] == [Refusal.NOT_MADE]


@pytest.mark.parametrize("form", ["dicom-seg", "nifti", "nrrd"])
def test_again_is_the_same_bytes_and_other_content_is_kept(held: Workspace, tmp_path: Path, form: str) -> None:
    """Law L4, and nothing of the user's is overwritten unless told so."""
    (one,) = exported(held, tmp_path, form, "ct0", names=("exact",))
    before = everything(tmp_path)
    (two,) = exported(held, tmp_path, form, "ct0", names=("exact",))
    assert (one.files, one.written, two.written) == (two.files, len(one.files), 0)
    assert everything(tmp_path) == before
    path = tmp_path / one.files[0]
    path.write_bytes(b"mine")
    (three,) = exported(held, tmp_path, form, "ct0", names=("exact",))
    assert (three.reason, path.read_bytes()) == (Refusal.NAME_TAKEN, b"mine")
    (four,) = exported(held, tmp_path, form, "ct0", names=("exact",), overwrite=True)
    assert four.written == 1
    assert {k: v[0] for k, v in everything(tmp_path).items()} == {k: v[0] for k, v in before.items()}


def test_a_link_in_the_destination_leads_nowhere(held: Workspace, tmp_path: Path) -> None:
    """Law L8: what stands behind a link is neither followed nor replaced."""
    (one,) = exported(held, tmp_path / "d", "nrrd", "ct0", names=("exact",))
    path, elsewhere = tmp_path / "d" / one.files[0], tmp_path / "elsewhere"
    path.unlink()
    elsewhere.write_bytes(b"mine")
    path.symlink_to(elsewhere)
    (two,) = exported(held, tmp_path / "d", "nrrd", "ct0", names=("exact",))
    assert two.reason == Refusal.NAME_TAKEN
    path.unlink()
    path.symlink_to(tmp_path / "nothing")
    (three,) = exported(held, tmp_path / "d", "nrrd", "ct0", names=("exact",))
    assert three.reason == Refusal.NAME_TAKEN
    exported(held, tmp_path / "d", "nrrd", "ct0", names=("exact",), overwrite=True)
    assert not (tmp_path / "nothing").exists()
    assert elsewhere.read_bytes() == b"mine"
    assert not path.is_symlink()


def test_nothing_but_the_destination_is_written_and_no_identity_but_in_segmentations(
    held: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Laws L7 and L8."""
    root = held.vault.path.parent
    before = everything(root)
    rows = [row for form in ("dicom-seg", "nifti", "nrrd") for row in exported(held, tmp_path / "d", form)]
    assert everything(root) == before
    assert {p.name for p in (tmp_path / "d").iterdir()} == {name for row in rows for name in row.files}
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    told = repr(rows) + "".join(capfd.readouterr()) + caplog.text
    assert "sentinel" not in told.lower()
    assert str(root) not in told
    for path in (tmp_path / "d").iterdir():
        content = path.read_bytes()
        if path.name.endswith(".nii.gz"):
            content = gzip.decompress(content)
        assert (b"sentinel" in content.lower()) is (path.suffix == ".dcm"), path.name
        assert (b"PAT-0001" in content) is (path.suffix == ".dcm"), path.name


def test_an_error_of_the_program_tells_its_place_and_no_message(
    held: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("SENTINEL")

    monkeypatch.setattr("pipeline.export.segmentation.onto", fails)
    (row,) = exported(held, tmp_path, "dicom-seg", "ct0", names=("exact",))
    assert row.reason == Reason.INTERNAL
    assert row.where.startswith("ValueError at test_job.py")
    assert "SENTINEL" not in repr(row)


def test_a_destination_apart_from_all_that_is_kept_or_read(held: Workspace, tmp_path: Path) -> None:
    root, out, vault = held.vault.path.parent, held.output.root, held.vault.path
    (tmp_path / "link").symlink_to(root / "archive" / "ct0")
    wrong = [out, out / "seg", vault / "seg", root / "archive", root / "archive" / "seg", root, tmp_path / "link" / "x"]
    for folder in wrong:
        before = everything(root)
        with pytest.raises(UsageError, match="outside"):
            Destination.open(folder, out, vault, private=True)
        assert everything(root) == before
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made") as told:
        Destination.open(tmp_path / "file" / "x", out, vault, private=True)
    assert str(tmp_path) not in str(told.value)


def test_where_out_was_handed_on_there_is_no_vault_to_ask(held: Workspace, tmp_path: Path) -> None:
    target = Destination.open(tmp_path / "d", held.output.root, tmp_path / "nowhere", private=False)
    job = Job(held.output, recipe(TEXT), "nrrd", target, ("exact",))
    ((row,),) = job.run([volumes(held)["ct0"]])
    assert row.written == 1
    with pytest.raises(UsageError, match="vault"):
        list(Job(held.output, recipe(TEXT), "dicom-seg", target).run([volumes(held)["ct0"]]))
