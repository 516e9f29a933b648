"""The demo archive is what it says: real files, planted faults, and counts that add up."""

from collections import Counter
from hashlib import sha256
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.demo import Expected, write
from pipeline.demo.dicom import MARK
from pipeline.errors import UsageError
from pipeline.reasons import MEANINGS, Outcome


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expected]:
    folder = tmp_path_factory.mktemp("demo") / "archive"
    return folder, write(folder)


def files(folder: Path) -> dict[str, Path]:
    return {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}


def test_every_file_is_accounted_for(demo: tuple[Path, Expected]) -> None:
    folder, expected = demo
    assert len(files(folder)) == expected.found == sum(expected.outcomes().values())
    for modality in (None, "CT", "MR", "DX"):
        assert sum(expected.outcomes(modality).values()) == expected.found
    assert all(n > 0 for outcome, n in expected.outcomes().items() if outcome != "pending")


def test_each_reason_ends_as_its_meaning_says(demo: tuple[Path, Expected]) -> None:
    for ending in demo[1].endings:
        wanted = MEANINGS[ending.reason].outcome if ending.reason else Outcome.CONVERTED
        assert ending.outcome is wanted


def test_the_counts_of_the_main_job(demo: tuple[Path, Expected]) -> None:
    expected = demo[1]
    assert expected.outcomes("CT") == {"converted": 87, "quarantined": 8, "skipped": 6, "duplicate": 2, "pending": 3}
    assert (expected.volumes("CT"), expected.volumes()) == (8, 11)


def test_expected_survives_json(demo: tuple[Path, Expected]) -> None:
    assert Expected.from_json(demo[1].to_json()) == demo[1]


def test_the_bytes_are_a_function_of_the_seed(demo: tuple[Path, Expected], tmp_path: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        return {name: sha256(path.read_bytes()).hexdigest() for name, path in files(folder).items()}

    first = digests(demo[0])
    assert write(tmp_path / "again") == demo[1]
    assert digests(tmp_path / "again") == first
    write(tmp_path / "other", seed=8)
    other = digests(tmp_path / "other")
    assert {name for name in first if first[name] == other[name]} == {
        *(name for name in first if name.startswith("pydicom/")),
        "faults/strays/notes.dcm",
        "faults/strays/empty.dcm",
        "faults/strays/lungs_seg.nii.gz",
        "bids/sub-01/sub-01_ct_mask.nii.gz",
    }


def test_the_size_is_bounded(demo: tuple[Path, Expected]) -> None:
    assert sum(p.stat().st_size for p in files(demo[0]).values()) < 120e6


def test_generated_dicom_parses_without_a_warning(demo: tuple[Path, Expected]) -> None:
    kinds: Counter[str] = Counter()
    for name, path in files(demo[0]).items():
        if path.name.startswith(("IM", "copy-of")) and name != "faults/truncated/IM0005":
            ds = pydicom.dcmread(path)
            kinds[ds.Modality] += 1
            assert ds.pixel_array.shape == (ds.Rows, ds.Columns)
            for element in ("PatientName", "InstitutionName", "SeriesDescription", "ManufacturerModelName"):
                assert MARK in str(ds[element].value)
            assert {len(ds.SOPInstanceUID) <= 64, ds.SOPInstanceUID.is_valid} == {True}
    assert kinds == {"CT": 60 + 7 + 9 + 9 + 7, "DX": 1}


def test_every_generated_image_carries_the_mark(demo: tuple[Path, Expected]) -> None:
    for name, path in files(demo[0]).items():
        if not name.startswith("pydicom/") and not name.endswith(("empty.dcm", ".gz")):
            assert MARK.encode() in path.read_bytes(), name


def test_both_forms_of_the_chest_agree_in_the_world(demo: tuple[Path, Expected]) -> None:
    """SimpleITK reads the series and the NIfTI file: the same voxels at the same places."""
    folder = demo[0]
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder / f"patient-{MARK}" / "ct"))
    series, single = sitk.ReadImage(names), sitk.ReadImage(str(folder / "bids/sub-01/sub-01_ct.nii"))
    assert series.GetSize() == single.GetSize() == (512, 512, 60)
    for corner in ((0, 0, 0), (511, 0, 59), (17, 400, 31)):
        here, there = (image.TransformIndexToPhysicalPoint(corner) for image in (series, single))
        np.testing.assert_allclose(here, there, atol=1e-3)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(series), sitk.GetArrayFromImage(single))


def test_the_labels_lie_on_their_image(demo: tuple[Path, Expected]) -> None:
    folder = demo[0] / "bids" / "sub-01"
    image, mask = (nibabel.load(folder / name) for name in ("sub-01_ct.nii", "sub-01_ct_mask.nii.gz"))
    np.testing.assert_array_equal(image.affine, mask.affine)
    assert image.shape == mask.shape
    assert set(np.unique(np.asarray(mask.dataobj))) == {0, 1, 2, 3}


def test_the_faults_are_there(demo: tuple[Path, Expected]) -> None:
    faults = demo[0] / "faults"
    gaps = np.diff(sorted(pydicom.dcmread(p).ImagePositionPatient[2] for p in (faults / "missing-slice").iterdir()))
    np.testing.assert_allclose(sorted(gaps), [2.5] * 5 + [5.0], atol=1e-4)
    twice = [pydicom.dcmread(p).SOPInstanceUID for p in (faults / "duplicate").iterdir()]
    assert len(twice) - len(set(twice)) == 1
    (localizer,) = (ds for ds in map(pydicom.dcmread, (faults / "localizer").iterdir()) if "LOCALIZER" in ds.ImageType)
    assert localizer.SeriesInstanceUID == pydicom.dcmread(faults / "localizer" / "IM0001").SeriesInstanceUID
    sizes = Counter(p.stat().st_size for p in (faults / "truncated").iterdir())
    assert sorted(sizes.values())[0] == 1
    assert (faults / "strays" / "empty.dcm").stat().st_size == 0


def test_a_scan_finds_what_was_planted(demo: tuple[Path, Expected], tmp_path: Path) -> None:
    folder, expected = demo
    vault = Vault.for_output(tmp_path / "vault", tmp_path / "out", [folder])
    catalog = scan([folder], vault)
    wanted = expected.outcomes(modality="none")
    found = Counter(outcome or "pending" for outcome in catalog.files["outcome"].to_pylist())
    assert found == Counter({outcome: n for outcome, n in wanted.items() if n})
    assert Counter(filter(None, catalog.files["reason"].to_pylist())) == expected.reasons()
    accepted = [s for s in catalog.stacks.to_pylist() if s["verdict"] == "accepted"]
    for modality in ("CT", "MR", "DX"):
        assert sum(s["modality"] == modality for s in accepted) == expected.volumes(modality)
    assert sum(s["n_labels"] for s in accepted) == sum(e.labels for e in expected.endings) == 1


def test_names_and_numbers_do_not_give_the_order_away(demo: tuple[Path, Expected]) -> None:
    slices = [pydicom.dcmread(p, stop_before_pixels=True) for p in sorted((demo[0] / f"patient-{MARK}/ct").iterdir())]
    heights = [float(ds.ImagePositionPatient[2]) for ds in slices]
    assert heights != sorted(heights)
    assert heights != sorted(heights, reverse=True)
    assert [int(ds.InstanceNumber) for ds in slices] == list(range(1, 61))


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(UsageError):
        write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
