"""Conversion: SimpleITK reads the same voxels at the same places."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from pipeline.archive.convert import Converted, convert, stored
from pipeline.archive.formats.child import Child
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine, UsageError
from pipeline.reasons import Reason
from tests.archive import makers, multiframe

CORNERS = [(0, 0, 0), (0, 0, -1), (0, -1, 0), (-1, 0, 0), (-1, -1, -1)]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault")


@pytest.fixture
def src(tmp_path: Path) -> Path:
    return tmp_path / "src"


Named = tuple[str, str]
"""(volume_id, edition)"""


def found(src: Path, vault: Vault) -> Named:
    (row,) = scan([src], vault).series.to_pylist()
    assert row["verdict"] == "accepted"
    return row["volume_id"], row["edition"]


def read(vault: Vault, volume: Named) -> Converted:
    with Child() as child:
        return convert(vault, *volume, child)


def converted(src: Path, vault: Vault) -> Converted:
    return read(vault, found(src, vault))


def same_place_same_value(ours: Converted, image: sitk.Image) -> None:
    array = sitk.GetArrayFromImage(image)
    assert np.array_equal(ours.volume.array, array)
    shape = np.array(array.shape)
    for corner in CORNERS:
        k, j, i = (int(n) for n in np.array(corner) % shape)
        there = image.TransformIndexToPhysicalPoint((i, j, k))
        assert np.allclose(ours.volume.grid.position((k, j, i)), there, rtol=0, atol=1e-5)


def by_itk(paths: list[Path]) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(p) for p in paths])
    return reader.Execute()


@pytest.mark.parametrize("oblique", [False, True])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_a_stack_is_what_simpleitk_reads_from_files_in_order(
    src: Path, vault: Vault, oblique: bool, syntax: str
) -> None:
    paths = makers.ct_series(src, shape=(24, 32), oblique=oblique, syntax=syntax)
    oracle = by_itk(paths)
    random.Random(1).shuffle(paths)
    for n, path in enumerate(paths):  # neither names nor instance numbers lead to the right order
        path.rename(src / f"x{n}")
    ours = converted(src, vault)
    same_place_same_value(ours, oracle)
    assert ours.volume.array.dtype == np.int16
    assert ours.volume.grid.start == (0, 0, 0)
    assert ours.geometry_error_mm < 1e-6
    assert ours.bytes_in == sum(p.stat().st_size for p in src.iterdir())
    assert set(ours.seconds) == {"read", "decode"}


def test_facts_of_a_ct(src: Path, vault: Vault) -> None:
    makers.ct_series(src, PixelPaddingValue=-2000, PhotometricInterpretation="MONOCHROME1", RescaleType=None)
    ours = converted(src, vault)
    facts = ours.facts
    assert (facts.modality, facts.units, facts.padding) == ("CT", "HU", -2000 - 1024)
    assert (facts.window, facts.inverted, facts.lossy) == ((40.0, 400.0), True, False)
    assert (facts.low, facts.high) == (ours.volume.array.min(), ours.volume.array.max())


def test_a_slope_for_every_slice(src: Path, vault: Vault) -> None:
    """PET: each slice has its own; the values are those of float64 arithmetic, rounded once."""

    def slopes(k: int, ds: object) -> None:
        ds.RescaleSlope = 0.5 + k / 7  # type: ignore[attr-defined]
        ds.RescaleSlope = str(round(float(ds.RescaleSlope), 12))  # type: ignore[attr-defined]

    makers.ct_series(src, edit=slopes, intercept=0, Modality="PT", RescaleType="BQML")
    ours = converted(src, vault)
    stored = makers.voxels((8, 32, 32)).astype("f8")
    truth = stored * np.round(0.5 + np.arange(8) / 7, 12)[:, None, None]
    assert ours.volume.array.dtype == np.float32
    assert np.array_equal(ours.volume.array, truth.astype("f4"))
    assert ours.facts.units == "BQML"
    assert ours.facts.high == float(truth.astype("f4").max())


@pytest.mark.parametrize(
    ("facts", "units"),
    [
        ({}, "HU"),
        ({"RescaleType": None}, "HU"),
        ({"RescaleType": "US"}, "1"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, "1"),
        ({"RescaleIntercept": None, "RescaleType": None}, "1"),
        ({"Modality": "MR"}, "1"),
        ({"Modality": "PT", "RescaleType": None}, "1"),
        ({"Modality": "PT", "RescaleType": "BQML"}, "BQML"),
    ],
)
def test_units_are_never_guessed(src: Path, vault: Vault, facts: dict[str, object], units: str) -> None:
    makers.ct_series(src, n=2, **facts)
    assert converted(src, vault).facts.units == units


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_a_ct_of_another_format_is_in_hu(src: Path, vault: Vault, slope: float) -> None:
    makers.nifti(src / "a_ct.nii", makers.voxels((3, 4, 5)), scl_slope=slope, scl_inter=0.0)
    assert converted(src, vault).facts.units == "HU"


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.nrrd"])
def test_other_formats_and_their_labels(src: Path, vault: Vault, name: str) -> None:
    voxels = makers.voxels((5, 6, 7))
    labels = (voxels > voxels.mean()).astype("i2") * 300
    suffix = name[1:]
    for path, array in (
        (src / name, voxels),
        (src / f"a_seg{suffix}", labels),
        (src / f"a_mask{suffix}", labels // 300),
    ):
        frame = makers.affine(oblique=True)
        if "nii" in name:
            makers.nifti(path, array, frame)
        else:
            makers.itk_image(path, array, frame)
    ours = converted(src, vault)
    same_place_same_value(ours, sitk.ReadImage(src / name))
    assert {label: str(v.array.dtype) for label, v in ours.labels.items()} == {"seg": "uint16", "mask": "uint8"}
    assert np.array_equal(ours.labels["seg"].array, labels)
    assert ours.labels["seg"].grid == ours.volume.grid
    assert ours.labels["seg"].kind == "labels"
    assert ours.facts.modality is None
    assert ours.facts.units == "1"


def test_label_maps_hold_whole_numbers_from_0(src: Path, vault: Vault) -> None:
    whole = np.arange(60, dtype="f4").reshape(3, 4, 5) * 2000
    refused = {}
    for n, wrong in enumerate((None, 0.5, -1.0, float("nan"), 2.0**40)):
        labels = whole.copy()
        labels[1, 2, 3] = whole[1, 2, 3] if wrong is None else wrong
        makers.nifti(src / str(n) / "a.nii", makers.voxels(whole.shape))
        makers.nifti(src / str(n) / "a_mask.nii", labels)
        refused[vault.pseudonym("series", f"{n}/a.nii")] = wrong is not None
    with Child() as child:
        for row in scan([src], vault).series.to_pylist():
            if refused[row["series_id"]]:
                with pytest.raises(Quarantine, match="DECODE_FAIL"):
                    convert(vault, row["volume_id"], row["edition"], child)
            else:
                ours = convert(vault, row["volume_id"], row["edition"], child).labels["mask"].array
                assert ours.dtype == np.uint32
                assert np.array_equal(ours, whole)


class TestSinceTheScan:
    """What is not what it was is never read as if it were."""

    @pytest.mark.parametrize("what", ["time", "length", "content", "gone"])
    @pytest.mark.parametrize("form", ["dicom", "nifti"])
    def test_a_changed_file(self, src: Path, vault: Vault, what: str, form: str) -> None:
        path = makers.ct_series(src)[3] if form == "dicom" else makers.nifti(src / "a.nii", makers.voxels((3, 4, 5)))
        volume = found(src, vault)
        if what == "time":
            os.utime(path, ns=(1, 1))
        elif what == "gone":
            path.unlink()
        elif what == "length":
            path.write_bytes(path.read_bytes() + b"\0\0")
        else:
            path.write_bytes(path.read_bytes()[::-1])
        with pytest.raises(Quarantine) as refused:
            read(vault, volume)
        assert refused.value.reason in (Reason.CHANGED, Reason.UNREADABLE_IO)

    def test_a_newer_scan_of_other_content(self, src: Path, vault: Vault) -> None:
        path = makers.nifti(src / "a.nii", makers.voxels((3, 4, 5)))
        old = found(src, vault)
        makers.nifti(path, makers.voxels((3, 4, 5), seed=1))
        new = found(src, vault)
        assert new != old
        with pytest.raises(Quarantine, match="CHANGED"):
            read(vault, old)
        assert np.array_equal(read(vault, new).volume.array, makers.voxels((3, 4, 5), seed=1))

    def test_a_touched_file_is_another_edition_of_the_same_volume(self, src: Path, vault: Vault) -> None:
        paths = makers.ct_series(src)
        old = found(src, vault)
        assert found(src, vault) == old
        os.utime(paths[0], ns=(1, 1))
        new = found(src, vault)
        assert new[0] == old[0]
        assert new[1] != old[1]
        assert read(vault, new).volume.grid.shape == (8, 32, 32)
        with pytest.raises(Quarantine, match="CHANGED"):
            read(vault, old)


class TestEditions:
    """The id of a DICOM volume does not hold its voxels: the edition says which files they are read from."""

    def zeroed(self, k: int, ds: Dataset) -> None:
        ds.PixelData = bytes(len(ds.PixelData))

    def test_a_copy_of_other_voxels_is_read_from_its_own_files(self, tmp_path: Path, vault: Vault) -> None:
        makers.ct_series(tmp_path / "a")
        makers.ct_series(tmp_path / "b", edit=self.zeroed)
        a, b = found(tmp_path / "a", vault), found(tmp_path / "b", vault)
        assert a[0] == b[0]
        assert np.array_equal(read(vault, a).volume.array, makers.voxels((8, 32, 32)) - 1024)
        assert (read(vault, b).volume.array == -1024).all()

    def test_a_removed_copy_takes_nothing_with_it(self, tmp_path: Path, vault: Vault) -> None:
        makers.ct_series(tmp_path / "a")
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        a, _ = found(tmp_path / "a", vault), found(tmp_path / "b", vault)
        shutil.rmtree(tmp_path / "b")
        assert read(vault, a).volume.grid.shape == (8, 32, 32)

    def test_voxels_edited_in_place(self, src: Path, vault: Vault) -> None:
        makers.ct_series(src)
        old = found(src, vault)
        makers.ct_series(src, edit=self.zeroed)
        new = found(src, vault)
        assert new[0] == old[0]
        assert (read(vault, new).volume.array == -1024).all()
        with pytest.raises(Quarantine, match="CHANGED"):
            read(vault, old)

    def test_label_maps_count(self, src: Path, vault: Vault) -> None:
        makers.nifti(src / "a.nii", makers.voxels((3, 4, 5)))
        mask = makers.nifti(src / "a_mask.nii", np.ones((3, 4, 5), "u1"))
        old = found(src, vault)
        os.utime(mask, ns=(1, 1))
        assert found(src, vault) != old
        assert read(vault, found(src, vault)).labels["mask"].array.all()


def test_a_volume_that_nobody_knows(vault: Vault) -> None:
    with pytest.raises(UsageError):
        read(vault, ("0" * 32, "0" * 32))


def test_a_child_may_serve_many_volumes(src: Path, vault: Vault) -> None:
    makers.nifti(src / "a.nii", makers.voxels((3, 4, 5)))
    volume = found(src, vault)
    with Child() as child:
        first = convert(vault, *volume, child)
        pid = child.pid
        second = convert(vault, *volume, child)
        assert child.pid == pid is not None
    assert first.seconds != second.seconds
    assert np.array_equal(first.volume.array, second.volume.array)


def test_a_lone_xray(src: Path, vault: Vault) -> None:
    gone = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleType"))
    makers.ct_series(src, n=1, Modality="DX", ImagerPixelSpacing=[0.2, 0.1], intercept=0, **gone)
    ours = converted(src, vault)
    assert ours.volume.grid.shape == (1, 32, 32)
    assert ours.volume.grid.spacing == (1.0, 0.2, 0.1)
    assert np.array_equal(ours.volume.array, makers.voxels((1, 32, 32)))
    assert (ours.facts.anatomical, ours.facts.spacing_source) == (False, "imager")


@pytest.mark.parametrize("form", ["dicom", "nifti"])
def test_a_place_in_the_patient(src: Path, vault: Vault, form: str) -> None:
    if form == "dicom":
        makers.ct_series(src, n=2)
    else:
        makers.nifti(src / "a.nii", makers.voxels((3, 4, 5)))
    facts = converted(src, vault).facts
    assert (facts.anatomical, facts.spacing_source) == (True, "pixel" if form == "dicom" else "affine")


def test_frames_of_two_files_between_one_another(src: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is read in one go, and each frame gets to its own place."""
    voxels = makers.voxels((10, 8, 8))
    for name, own in (("a", range(0, 9, 2)), ("b", range(9, 0, -2))):
        places = [multiframe.placed(k) for k in own]
        multiframe.enhanced(src / f"{name}.dcm", places, pixels=voxels[list(own)])
    volume, asked = found(src, vault), []
    monkeypatch.setattr(
        "pipeline.archive.convert.stored", lambda file, *args, **kw: asked.append(file) or stored(file, *args, **kw)
    )
    ours = read(vault, volume)
    assert np.array_equal(ours.volume.array, voxels - 1024)
    assert len(asked) == 2
