"""DICOM segmentations before an independent judge (dciodvfy of dicom3tools), and of a full-size chest CT."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from pipeline.archive.origin import Origin
from pipeline.cli import main
from pipeline.export import segmentation
from pipeline.structure import Structure
from tests.export.made import LUNGS, SERIES, content, labels, sources, together

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

UNKNOWN_TO_OLD_ONES = (
    "Error - Information Object Not found",
    "Error - SegmentNumber not monotonically increasing from one by one - have SegmentSequence item number 1 (from one)"
    " with SegmentNumber of 0",
)
"""Supplement 243 (2024): Label Map Segmentation Storage, and its segment 0, the background (PS3.3 C.8.20.2.4)."""


def errors(path: Path) -> list[str]:
    """What dciodvfy has against a file; warnings are about DICOMDIRs."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    told = subprocess.run(["dciodvfy", path], capture_output=True, text=True).stderr.splitlines()
    assert "Segmentation" in told or "SegmentationLabelMap" in told or UNKNOWN_TO_OLD_ONES[0] in told
    return [line for line in told if line.startswith("Error")]


ODD: dict[str, dict[str, Any]] = {
    "removed": {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "none that is known"},
    "lossy": {
        "LossyImageCompression": "01", "LossyImageCompressionRatio": "10", "LossyImageCompressionMethod": "ISO_15444_1",
    },
    "bare": dict.fromkeys(("PatientName", "FrameOfReferenceUID", "SliceThickness")),
    "xray": {
        "n": 1, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1", "Modality": "DX", "intercept": 0,
        "ImagerPixelSpacing": [0.2, 0.1],
        **dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleType")),
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Origin]:
    return sources(tmp_path_factory.mktemp("series"), SERIES | ODD)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("structures", [LUNGS, LUNGS[:1]])
def test_dciodvfy_has_nothing_against_them(
    origins: dict[str, Origin], tmp_path: Path, name: str, kind: segmentation.Kind, structures: tuple[Structure, ...]
) -> None:
    found = origins[name]
    volume = labels(found.grid)
    if len(structures) == 1:
        volume = volume.with_array((volume.array == 1).astype("u1"))
    (data,) = segmentation.encode(content(volume, structures=structures), found, kind).values()
    (tmp_path / "seg.dcm").write_bytes(data)
    against = errors(tmp_path / "seg.dcm")
    assert not [line for line in against if kind == "binary" or line not in UNKNOWN_TO_OLD_ONES]


@pytest.mark.parametrize("name", ODD)
def test_nor_where_the_source_is_odd(origins: dict[str, Origin], tmp_path: Path, name: str) -> None:
    volume = labels(origins[name].grid)
    volume.array[0, 3:9, 5:20] = 1
    (data,) = segmentation.encode(content(volume), origins[name], "binary").values()
    (tmp_path / "seg.dcm").write_bytes(data)
    assert errors(tmp_path / "seg.dcm") == []


BONE = """\
name: bone
stages:
  - {use: threshold, lower: 300, keep: bone}
  - {use: resample, from: raw, spacing: [1.0, 1.0, 1.0], as: ct}
  - {use: threshold, lower: 300, keep: fine}
"""


@pytest.fixture(scope="module")
def chest(data: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Callable[..., int]]:
    """(series, folder for results, ``scanmill export`` of what was made of it)."""
    folder, root = data("ct-chest-philips-lidc0314"), tmp_path_factory.mktemp("chest")
    (root / "bone.yaml").write_text(BONE)
    where = ("-o", root / "out", "--vault", root / "vault", "--no-progress")

    def call(*arguments: object) -> int:
        return main([str(a) for a in (*arguments, *where)])

    assert call("run", root / "bone.yaml", folder, "--workers", 0) == 0
    return folder / "data", root, lambda *arguments: call("export", root / "bone.yaml", *arguments)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_a_chest(chest: tuple[Path, Path, Callable[..., int]], kind: segmentation.Kind) -> None:
    """The voxels above 300 HU that SimpleITK reads from the series, each in the frame of its own slice."""
    series, root, call = chest
    assert call(root / kind, "--to", "dicom-seg", "--segmentation-type", kind) == 0
    (bone,) = (root / kind).glob("*_bone_bone.dcm")
    (fine,) = (root / kind).glob("*_bone_fine.dcm")
    for path in (bone, fine):
        assert not [line for line in errors(path) if kind == "binary" or line not in UNKNOWN_TO_OLD_ONES]
    reader = sitk.ImageSeriesReader()
    files = reader.GetGDCMSeriesFileNames(str(series))
    reader.SetFileNames(files)
    reader.MetaDataDictionaryArrayUpdateOn()
    reader.LoadPrivateTagsOff()
    array = sitk.GetArrayFromImage(reader.Execute())
    instances = [reader.GetMetaData(k, "0008|0018").strip("\0 ") for k in range(len(files))]
    ours = together(bone.read_bytes(), instances, array.shape)
    assert np.array_equal(ours, array >= 300)
    back = together(fine.read_bytes(), instances, array.shape)
    assert 2 * np.count_nonzero(back & ours) / (back.sum() + ours.sum()) > 0.8
