"""Real multi-frame objects and mosaics, against what dcm2niix and dicom2nifti's authors made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.voxels import stored

pytestmark = pytest.mark.system

Data = Callable[..., Path]

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as child:
        yield child


def one(child: Child, path: Path) -> Header:
    (parsed,) = child.headers([path])
    assert parsed.reason is None
    assert parsed.header is not None
    return parsed.header


def in_place(header: Header, frames: list[int]) -> tuple[np.ndarray, list[int]]:
    """(4, 4) index (k, j, i, 1) -> LPS mm of these frames, and those in the order of k."""
    orientation = np.array(header.frames[frames[0]].orientation)
    normal = np.cross(orientation[:3], orientation[3:])
    order = sorted(frames, key=lambda n: float(np.dot(normal, header.frames[n].position or ())))
    spacing = header.frames[order[0]].spacing
    assert spacing is not None
    first, last = (np.array(header.frames[n].position) for n in (order[0], order[-1]))
    affine = np.eye(4)
    affine[:3, 0] = (last - first) / (len(order) - 1)
    affine[:3, 1], affine[:3, 2] = orientation[3:] * spacing[0], orientation[:3] * spacing[1]
    affine[:3, 3] = first
    return affine, order


def agree(voxels: np.ndarray, affine: np.ndarray, reference: Path, volume: int = 0) -> None:
    """Equal stored values at equal places, whatever the axes of the reference; within 0.001 mm.

    What dcm2niix scales them by is another matter: of Philips images its private scale.
    """
    image = nibabel.load(reference)
    values = image.dataobj.get_unscaled()  # type: ignore[attr-defined]
    values = values[..., volume] if values.ndim == 4 else values
    to_ours = np.linalg.inv(affine) @ LPS @ image.affine  # type: ignore[attr-defined]
    steps = np.round(to_ours).astype(int)
    last = np.array([*(size - 1 for size in values.shape), 1])
    for corner in (np.array([0, 0, 0, 1]), last):
        assert np.abs(affine @ (to_ours @ corner - steps @ corner)[:4]).max() < 1e-3
    where = np.indices(values.shape).reshape(3, -1)
    k, j, i = (steps[:3, :3] @ where + steps[:3, 3:]).reshape(3, *values.shape)
    assert np.array_equal(voxels[k, j, i], values)


@pytest.mark.parametrize("name", [f"dcm_qa_ts/In/{n}.dcm" for n in range(1, 10)])
def test_one_mosaic_in_every_transfer_syntax(data: Data, child: Child, name: str) -> None:
    path = data(name.partition("/")[0]) / name.partition("/")[2]
    header = one(child, path)
    assert (header.shape, header.mosaic) == ((35, 64, 64), 6)
    affine, order = in_place(header, list(range(35)))
    agree(stored(path, header, child, parts=order), affine, path.parent.parent / "Ref" / f"{path.stem}.nii")


@pytest.mark.parametrize(
    ("name", "reference"), [("12bitUnsigned", "2"), ("12bitUnsigned_0x0F0F", "3"), ("12bitSigned_0x0F0F", "4")]
)
def test_mosaics_of_twelve_bits(data: Data, child: Child, name: str, reference: str) -> None:
    folder = data("dcm_qa_12bit")
    path = folder / "In" / f"{name}.dcm"
    header = one(child, path)
    affine, order = in_place(header, list(range(35)))
    agree(stored(path, header, child, parts=order), affine, folder / "Ref" / f"{reference}.nii")


ENHANCED = [
    "dcm_qa_enh/In/Philips",
    "dcm_qa_enh/In/Siemens/XA10",
    "dcm_qa_agfa/Agfa",
    "dcm_qa_xa30/In",
    "ct-enhanced",
    "dicom2nifti-groundtruth/philips_enhanced",
    "dicom2nifti-groundtruth/siemens_multiframe",
    "dicom2nifti-groundtruth/hyperfine",
]


@pytest.mark.parametrize("folder", ENHANCED)
def test_every_frame_is_where_pydicom_finds_it(data: Data, child: Child, folder: str) -> None:
    name, _, inside = folder.partition("/")
    objects = [p for p in (data(name) / inside).rglob("*") if p.is_file() and p.suffix in (".dcm", ".img")]
    assert objects
    for path in objects:
        header, oracle = one(child, path), pydicom.dcmread(path)
        shared = oracle.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
        assert len(header.frames) == len(oracle.PerFrameFunctionalGroupsSequence) == header.shape[0]
        for frame, own in zip(header.frames, oracle.PerFrameFunctionalGroupsSequence, strict=True):

            def group(keyword: str, own: pydicom.Dataset = own) -> pydicom.Dataset:
                return own[keyword][0] if keyword in own else shared[0][keyword][0]  # noqa: B023

            assert frame.position == tuple(map(float, group("PlanePositionSequence").ImagePositionPatient))
            assert frame.orientation == tuple(map(float, group("PlaneOrientationSequence").ImageOrientationPatient))
            assert frame.spacing == tuple(map(float, group("PixelMeasuresSequence").PixelSpacing))
            values = group("PixelValueTransformationSequence")
            assert (frame.slope, frame.intercept) == (float(values.RescaleSlope), float(values.RescaleIntercept))
        chosen = [header.shape[0] - 1, 0]
        assert np.array_equal(stored(path, header, child, parts=chosen), oracle.pixel_array[chosen])


def test_the_two_images_of_a_philips_field_map(data: Data, child: Child) -> None:
    folder = data("dcm_qa_enh")
    path = folder / "In/Philips/IM_0027_fMAP.dcm"
    header = one(child, path)
    for component, echo in (("M", "e1"), ("R", "e2_fieldmaphz")):
        affine, order = in_place(header, [n for n, f in enumerate(header.frames) if f.facets.component == component])
        assert len(order) == 32
        agree(stored(path, header, child, parts=order), affine, folder / "Ref" / f"Philips_WIP_B0_NS_801_{echo}.nii")


def test_the_moments_of_a_siemens_series(data: Data, child: Child) -> None:
    folder = data("dcm_qa_enh")
    for n, path in enumerate(sorted((folder / "In/Siemens/XA10").glob("*.dcm"))):
        header = one(child, path)
        assert {f.facets.temporal_position for f in header.frames} == {n + 1}
        affine, order = in_place(header, list(range(6)))
        reference = folder / "Ref" / "Siemens_REST1_w_SMS_PF7-8_6.nii"
        agree(stored(path, header, child, parts=order), affine, reference, volume=n)
