"""MHA and NRRD lie where ITK says, and hold what ITK says, and never name another file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers

FORMATS = ["mha", "nrrd"]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as child:
        yield child


def accepted(child: Child, path: Path) -> Header:
    (parsed,) = child.headers([path])
    assert parsed.reason is None
    assert parsed.header is not None
    return parsed.header


def refused(child: Child, path: Path) -> Reason | None:
    (parsed,) = child.headers([path])
    return parsed.reason


def edited(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("oblique", [True, False])
def test_voxels_and_positions(tmp_path: Path, child: Child, form: str, compress: bool, oblique: bool) -> None:
    array = makers.voxels((4, 5, 6))
    path = makers.itk_image(tmp_path / f"a.{form}", array, makers.affine(oblique=oblique), compress)
    header = accepted(child, path)
    np.testing.assert_array_equal(child.pixels(path, header), array)
    image = sitk.ReadImage(str(path))
    frame = np.array(header.affine).reshape(4, 4)
    for k, j, i in ((0, 0, 0), (3, 0, 5), (1, 4, 2), (3, 4, 5)):
        np.testing.assert_allclose(
            (frame @ (k, j, i, 1))[:3], image.TransformIndexToPhysicalPoint((i, j, k)), atol=1e-9
        )


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_every_type(tmp_path: Path, child: Child, form: str, dtype: str) -> None:
    array = makers.voxels((2, 3, 4)).astype(dtype)
    path = makers.itk_image(tmp_path / f"a.{form}", array)
    read = child.pixels(path, accepted(child, path))
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(("space", "sign"), [("left-posterior-superior", (1, 1, 1)), ("LPS", (1, 1, 1)),
                                             ("right-anterior-superior", (-1, -1, 1)), ("RAS", (-1, -1, 1)),
                                             ("left-anterior-superior", (1, -1, 1)), ("LAS", (1, -1, 1))])  # fmt: skip
def test_patient_spaces_of_nrrd_are_turned(
    tmp_path: Path, child: Child, space: str, sign: tuple[int, int, int]
) -> None:
    path = makers.itk_image(tmp_path / "a.nrrd", makers.voxels((3, 4, 5)), makers.affine(oblique=True))
    edited(path, b"space: left-posterior-superior", f"space: {space}".encode())
    frame = np.array(accepted(child, path).affine).reshape(4, 4)
    np.testing.assert_allclose(frame[:3], makers.affine(oblique=True)[:3] * np.array(sign)[:, None], atol=1e-9)


@pytest.mark.parametrize("space", [b"space: scanner-xyz", b"space: 3D-right-handed", b"space dimension: 3"])
def test_a_space_that_is_not_the_patients_is_refused(tmp_path: Path, child: Child, space: bytes) -> None:
    path = makers.itk_image(tmp_path / "a.nrrd", makers.voxels((3, 4, 5)))
    assert refused(child, edited(path, b"space: left-posterior-superior", space)) is Reason.MISSING_GEOMETRY


def test_an_mha_without_spacing_is_refused(tmp_path: Path, child: Child) -> None:
    path = makers.itk_image(tmp_path / "a.mha", makers.voxels((3, 4, 5)))
    assert refused(child, edited(path, b"ElementSpacing", b"ElementSpicing")) is Reason.MISSING_GEOMETRY


@pytest.mark.parametrize("target", ["b.raw", "../b.raw", "/etc/hostname", "LIST"])
def test_a_second_file_is_never_followed(tmp_path: Path, child: Child, target: str) -> None:
    mha = makers.itk_image(tmp_path / "a.mha", makers.voxels((3, 4, 5)))
    edited(mha, b"ElementDataFile = LOCAL", f"ElementDataFile = {target}".encode())
    nrrd = makers.itk_image(tmp_path / "a.nrrd", makers.voxels((3, 4, 5)))
    edited(nrrd, b"encoding: raw\n", f"encoding: raw\ndata file: {target}\n".encode())
    assert [refused(child, path) for path in (mha, nrrd)] == [Reason.UNREADABLE] * 2


@pytest.mark.parametrize("form", FORMATS)
def test_vectors_and_dimensions(tmp_path: Path, child: Child, form: str) -> None:
    images = {
        "rgb": (sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), "u1"), isVector=True), Reason.COLOR),
        "field": (sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), "f4"), isVector=True), Reason.NOT_3D),
        "time": (sitk.GetImageFromArray(np.zeros((2, 3, 4, 5), "i2"), isVector=False), Reason.NOT_3D),
        "flat": (sitk.GetImageFromArray(np.zeros((4, 5), "i2")), None),
    }
    for name, (image, reason) in images.items():
        path = tmp_path / f"{name}.{form}"
        sitk.WriteImage(image, str(path))
        if (name, form) == ("flat", "nrrd"):
            # NRRD has names for spaces of three dimensions only: a flat image states none.
            reason = Reason.MISSING_GEOMETRY
        assert refused(child, path) is reason, name


def test_a_flat_mha_is_one_slice(tmp_path: Path, child: Child) -> None:
    image = sitk.GetImageFromArray(makers.voxels((1, 4, 5))[0])
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    header = accepted(child, tmp_path / "a.mha")
    assert header.affine == (0, 0, 0.5, 0, 0, 0.25, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1)
    np.testing.assert_array_equal(child.pixels(tmp_path / "a.mha", header), makers.voxels((1, 4, 5)))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("compress", [True, False])
def test_a_file_cut_anywhere_never_gives_voxels(tmp_path: Path, child: Child, form: str, compress: bool) -> None:
    path = makers.itk_image(tmp_path / f"a.{form}", makers.voxels((3, 8, 8)), compress=compress)
    whole = path.read_bytes()
    for cut in range(1, len(whole), 11):
        path.write_bytes(whole[:cut])
        (parsed,) = child.headers([path])
        if parsed.reason is None:
            assert compress
            with pytest.raises(Quarantine):
                child.pixels(path, parsed.header or pytest.fail("no header"))
