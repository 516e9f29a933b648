"""Real segmentations and structure sets as labels of their image, against what others made of the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from pipeline.archive.convert import Converted, convert
from pipeline.archive.formats.child import Child
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault

pytestmark = pytest.mark.system


def converted(folder: Path, vault: Path) -> list[Converted]:
    """All volumes of an archive that have labels."""
    kept = Vault.create(vault)
    rows = [row for row in scan([folder], kept).stacks.to_pylist() if row["volume_id"] and row["n_labels"]]
    with Child() as child:
        return [convert(kept, row["volume_id"], row["edition"], child) for row in rows]


def test_contours_are_the_masks_that_were_published_with_them(data: Callable[..., Path], tmp_path: Path) -> None:
    """Soft-tissue sarcomas on CT, T1 MR and PET, as the Image Biomarker Standardisation Initiative has them."""
    root = data("ibsi-sts-ct-mr-pet")
    masks = {}
    for path in (root / "nifti").rglob("*_mask.nii.gz"):
        image = nibabel.load(path)
        masks[path] = (np.asarray(image.dataobj).T, (np.diag([-1, -1, 1, 1]) @ image.affine)[:, [2, 1, 0, 3]])
    made = converted(root / "dicom", tmp_path / "vault")
    assert len(made) == len(masks) == 9
    for one in made:
        (labels,) = one.labels.values()
        ((theirs, frame),) = [m for m in masks.values() if m[0].shape == labels.grid.shape]
        assert np.abs(frame - labels.grid.affine).max() < 1e-4
        np.testing.assert_array_equal(labels.array, theirs)
        assert [s.name for s in one.structures["rtstruct"]] == ["gross tumor volume"]


def test_overlapping_segments(data: Callable[..., Path], tmp_path: Path) -> None:
    root = data("ct-liver-dicomseg")
    (made,) = converted(root, tmp_path / "vault")
    assert sorted(made.labels) == ["seg", "seg-2", "seg-3", "seg-4"]
    liver = sitk.GetArrayFromImage(sitk.ReadImage(str(root / "liver_seg.nrrd")))
    (alone,) = [name for name, meant in made.structures.items() if "liver" in {s.name for s in meant}]
    assert [(s.value, s.name) for s in made.structures[alone]] == [(1, "liver")]
    np.testing.assert_array_equal(made.labels[alone].array, liver)
    whole = pydicom.dcmread(root / "partial_overlaps.dcm")
    zs = sorted({float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in (root / "ct-3slice").iterdir()})
    for frame, group in zip(whole.pixel_array, whole.PerFrameFunctionalGroupsSequence, strict=True):
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        k = int(np.argmin(np.abs(np.array(zs) - group.PlanePositionSequence[0].ImagePositionPatient[2])))
        found = [
            labels.array[k] == number
            for name, labels in made.labels.items()
            if name != alone and number in {s.value for s in made.structures[name]}
        ]
        assert len(found) == 1
        np.testing.assert_array_equal(found[0], frame)


def test_a_tumour_on_a_whole_body(data: Callable[..., Path], tmp_path: Path) -> None:
    root = data("pet-wholebody-seg")
    (made,) = converted(root, tmp_path / "vault")
    (path,) = (
        path for path in root.rglob("*.dcm") if pydicom.dcmread(path, specific_tags=["Modality"]).Modality == "SEG"
    )
    whole = pydicom.dcmread(path)
    wanted = np.zeros(made.volume.grid.shape, "u1")
    for frame, group in zip(whole.pixel_array, whole.PerFrameFunctionalGroupsSequence, strict=True):
        x, y, z = map(float, group.PlanePositionSequence[0].ImagePositionPatient)
        at = [made.volume.grid.position((k, 0, 0)) for k in range(len(wanted))]
        k = int(np.argmin([abs(p[2] - z) for p in at]))
        assert np.linalg.norm(np.array(at[k]) - (x, y, z)) < 0.01
        wanted[k][frame > 0] = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    np.testing.assert_array_equal(made.labels["seg"].array, wanted)
    assert wanted.any()
