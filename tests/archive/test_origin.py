"""The source of a volume, for what is written back to the hospital."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.archive.formats.child import Child
from pipeline.archive.origin import Origin, origin
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine, UsageError
from pipeline.reasons import Reason
from tests.archive import makers


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault")


def volume(folder: Path, vault: Vault) -> tuple[str, str]:
    (row,) = scan([folder], vault).series.to_pylist()
    return row["volume_id"], row["edition"]


def read(vault: Vault, name: tuple[str, str]) -> Origin | None:
    with Child() as child:
        return origin(vault, *name, child)


def refused(vault: Vault, name: tuple[str, str]) -> Reason:
    with pytest.raises(Quarantine) as error:
        read(vault, name)
    return error.value.reason


def test_instances_in_the_order_of_the_slices(tmp_path: Path, vault: Vault) -> None:
    makers.ct_series(tmp_path / "a", edit=lambda k, ds: setattr(ds, "InstanceNumber", 50 - k), StudyID="S1")
    found = read(vault, volume(tmp_path / "a", vault))
    assert found is not None
    assert found.anatomical
    for k, header in enumerate(found.instances):
        assert header.position == pytest.approx(found.grid.position((k, 0, 0)), abs=1e-6)
    assert found.texts["StudyID"] == "S1"
    assert found.texts["PatientName"] == "Doe^Jane"


def test_what_is_no_dicom_has_none(tmp_path: Path, vault: Vault) -> None:
    makers.nifti(tmp_path / "a" / "x.nii", makers.voxels((3, 4, 5)))
    assert read(vault, volume(tmp_path / "a", vault)) is None


def test_a_result_is_never_another_patients(tmp_path: Path, vault: Vault) -> None:
    """Files changed since the scan, gone, or of an identifier that cannot be repeated."""
    paths = makers.ct_series(tmp_path / "a")
    name = volume(tmp_path / "a", vault)
    with pytest.raises(UsageError):
        read(vault, (name[0], "0" * 32))
    status = paths[0].stat()
    content = paths[0].read_bytes()
    paths[0].write_bytes(content.replace(b"PAT-0001", b"PAT-0002"))
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns))  # of the same size and time
    assert refused(vault, name) is Reason.UNREADABLE
    paths[0].write_bytes(content + b"\0\0")
    assert refused(vault, name) is Reason.CHANGED
    paths[0].unlink()
    assert refused(vault, name) is Reason.CHANGED


@pytest.mark.filterwarnings("ignore")  # of pydicom, at what is written here
def test_identifiers_that_cannot_be_repeated(tmp_path: Path, vault: Vault) -> None:
    wrong = ({"PatientID": "x" * 65}, {"SOPInstanceUID": "1.2.x"}, {"StudyInstanceUID": "x"}, {"SOPClassUID": "1.a"})
    for seed, facts in enumerate(wrong):
        makers.ct_series(tmp_path / "a" / f"{seed}", n=1, seed=seed, **facts)  # type: ignore[arg-type]
    rows = scan([tmp_path / "a"], vault).series.to_pylist()
    assert len(rows) == len(wrong)
    with Child() as child:
        for row in rows:
            with pytest.raises(Quarantine, match="UNREADABLE"):
                origin(vault, row["volume_id"], row["edition"], child)


def test_sources_are_remembered_whatever_becomes_of_the_rest(tmp_path: Path, vault: Vault) -> None:
    for name in "ba":
        makers.ct_series(tmp_path / name, n=2)
        scan([tmp_path / name], vault)
    with vault.index() as index:
        assert index.sources() == [os.fsencode((tmp_path / name).resolve()) for name in "ab"]
