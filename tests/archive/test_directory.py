"""A DICOMDIR is compared with what is there; nothing that it names is followed (law L8)."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from tests.archive import makers
from tests.archive.packers import zipped


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """Three series of two images, and the DICOMDIR that names them, in the records of DICOM PS3.3 F.5."""
    root, records = tmp_path / "disc", []
    for seed in range(3):
        made = makers.ct_series(root / "IMAGES00" / f"SER{seed}", n=2, seed=seed)
        records.append(Dataset())
        records[-1].DirectoryRecordType = "SERIES"
        for n, path in enumerate(made):
            image = Dataset()
            image.DirectoryRecordType = "IMAGE"
            image.ReferencedFileID = ["IMAGES00", f"SER{seed}", f"IM{n}"]
            records.append(image)
            path.rename(path.with_name(f"IM{n}"))
    directory = makers.dataset(makers.voxels((1, 2, 2))[0], SOPClassUID=MediaStorageDirectoryStorage)
    del directory.PixelData
    directory.DirectoryRecordSequence = records
    makers.write(directory, root / "DICOMDIR")
    return root


def told(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> str:
    caplog.clear()
    catalog = scan([root], Vault.create(tmp_path / "vault"))
    assert ("skipped", "DICOMDIR") in {(row["outcome"], row["reason"]) for row in catalog.files.to_pylist()}
    return caplog.text


def images(disc: Path) -> list[Path]:
    return sorted(path for path in disc.rglob("*") if path.is_file() and path.name != "DICOMDIR")


def test_files_that_are_not_there_are_counted(disc: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert told(disc, tmp_path, caplog) == ""
    assert told(zipped(disc, tmp_path / "disc.zip", zipfile.ZIP_STORED), tmp_path, caplog) == ""
    for path in images(disc)[:2]:
        path.unlink()
    assert "DICOMDIRs name 2 files that are not there" in told(disc, tmp_path, caplog)
    # Also when nothing is read anew.
    assert "name 2 files" in told(disc, tmp_path, caplog)


def test_a_disc_may_show_its_names_in_any_way(disc: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for n, path in enumerate(images(disc)):
        shutil.move(path, path.with_name(path.name.lower() + (";1", ".;1", "")[n % 3]))
    assert told(disc, tmp_path, caplog) == ""


def test_names_that_lead_elsewhere_are_not_there(disc: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = disc / "DICOMDIR"
    shutil.copytree(disc / "IMAGES00", tmp_path / "IMG00")
    whole = directory.read_bytes()
    directory.write_bytes(whole.replace(b"IMAGES00\\", b"..\\IMG00\\"))
    assert "name 6 files" in told(disc, tmp_path, caplog)


def test_a_directory_that_cannot_be_read_names_nothing(
    disc: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = disc / "DICOMDIR"
    whole = directory.read_bytes()
    for path in images(disc):
        path.unlink()
    makers.ct_series(disc / "other", n=2)
    directory.write_bytes(whole[: whole.rindex(b"IMAGES00")])
    assert "6 files" not in told(disc, tmp_path, caplog)
