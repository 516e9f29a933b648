"""NIfTI lies where nibabel and ITK say it lies, and holds what they say it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nibabel.quaternions import quat2mat

from pipeline.archive.formats import reading
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.limits import Limits
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats.verdicts import accepted, refused


def frame(header: Header) -> np.ndarray:
    assert header.affine is not None
    return np.array(header.affine).reshape(4, 4)


def corners(shape: tuple[int, ...]) -> np.ndarray:
    return np.stack(np.meshgrid(*[[0, n - 1] for n in shape], indexing="ij"), -1).reshape(-1, 3)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    turn=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(x * x for x in q) > 0.1),
    spacing=st.tuples(*[st.floats(0.25, 6)] * 3),
    flip=st.booleans(),
)
def test_positions_are_those_of_nibabel_and_of_itk(
    tmp_path: Path, child: Child, turn: tuple[float, ...], spacing: tuple[float, ...], flip: bool
) -> None:
    lps = np.eye(4)
    lps[:3, :3] = quat2mat(turn) * np.array(spacing)
    lps[:3, 0] *= -1 if flip else 1
    lps[:3, 3] = (11.5, -200.25, 31.0)
    path = makers.nifti(tmp_path / "one.nii.gz", makers.voxels((4, 5, 6)), lps)
    header = accepted(child, path)
    index = corners((4, 5, 6))
    found = index @ frame(header)[:3, :3].T + frame(header)[:3, 3]
    ras = nibabel.load(path).affine
    by_nibabel = (index[:, ::-1] @ ras[:3, :3].T + ras[:3, 3]) * (-1, -1, 1)
    image = sitk.ReadImage(str(path))
    by_itk = [image.TransformIndexToPhysicalPoint(tuple(int(n) for n in at[::-1])) for at in index]
    np.testing.assert_allclose(found, by_nibabel, atol=1e-9)
    np.testing.assert_allclose(found, by_itk, atol=1e-4)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", ">i2", ">f4"])
def test_voxels(tmp_path: Path, child: Child, name: str, dtype: str) -> None:
    array = makers.voxels((3, 4, 5)).astype(dtype)
    image = nibabel.Nifti1Image(array.T, np.eye(4), dtype=np.dtype(dtype).newbyteorder("="))
    if dtype[0] == ">":
        image = nibabel.Nifti1Image(array.T, np.eye(4), image.header.as_byteswapped(">"))
    nibabel.save(image, tmp_path / name)
    header = accepted(child, tmp_path / name)
    read = child.pixels(tmp_path / name, header)
    assert read.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(read, array)


def test_the_second_format_and_a_long_header(tmp_path: Path, child: Child) -> None:
    array = makers.voxels((3, 4, 5))
    image = nibabel.Nifti2Image(array.T, np.diag([1.0, 2, 3, 1]))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * 5000))
    nibabel.save(image, tmp_path / "a.nii.gz")
    header = accepted(child, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(child.pixels(tmp_path / "a.nii.gz", header), array)
    assert frame(header)[2, 0] == 3


def test_sform_wins_qform_serves_and_neither_is_refused(tmp_path: Path, child: Child) -> None:
    s, q = np.diag([2.0, 2, 2, 1]), np.diag([3.0, 3, 3, 1])
    image = nibabel.Nifti1Image(makers.voxels((2, 3, 4)).T, None)
    found: list[float | Reason | None] = []
    for s_code, q_code in ((1, 1), (2, 0), (0, 1), (0, 0)):
        image.set_sform(s, s_code)
        image.set_qform(q, q_code)
        nibabel.save(image, tmp_path / "a.nii")
        (parsed,) = child.headers([tmp_path / "a.nii"])
        found.append(parsed.reason or frame(parsed.header or pytest.fail("no header"))[2, 0])
    assert found == [2, 2, 3, Reason.MISSING_GEOMETRY]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [((0.0, 5.0), (1, 0)), ((np.nan, 5.0), (1, 0)), ((2.0, -3.0), (2, -3))],
)
def test_scaling(tmp_path: Path, child: Child, raw: tuple[float, float], expected: tuple[float, float]) -> None:
    path = makers.nifti(tmp_path / "a.nii", makers.voxels((2, 3, 4)), scl_slope=raw[0], scl_inter=raw[1])
    header = accepted(child, path)
    assert (header.slope, header.intercept) == expected
    assert header.rescale_stated is (raw[0] == 2)


@pytest.mark.parametrize("raw", [(0.5, np.nan), (np.inf, 0.0), (1.0, -np.inf), (1e38, 0.0), (1.0, 2e9)])
def test_scaling_that_cannot_be_meant(tmp_path: Path, child: Child, raw: tuple[float, float]) -> None:
    path = makers.nifti(tmp_path / "a.nii", makers.voxels((2, 3, 4)), scl_slope=raw[0], scl_inter=raw[1])
    (parsed,) = child.headers([path])
    assert parsed.reason is Reason.UNREADABLE
    assert parsed.header is not None
    assert (parsed.header.slope, parsed.header.intercept) == (1, 0)


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("size", [0.0, -2.0, np.nan, np.inf])
def test_a_qform_needs_sizes_and_they_are_not_repaired(tmp_path: Path, child: Child, at: int, size: float) -> None:
    pixdim = [1, 0.8, 0.8, 2.5, 1, 1, 1, 1]
    q_only: dict[str, Any] = {"sform_code": 0, "qform_code": 1}
    good = makers.nifti(tmp_path / "good.nii", makers.voxels((2, 3, 4)), pixdim=pixdim, **q_only)
    np.testing.assert_allclose(frame(accepted(child, good))[:3], makers.affine()[:3], atol=1e-5)
    pixdim[at] = size
    bad = makers.nifti(tmp_path / "bad.nii", makers.voxels((2, 3, 4)), pixdim=pixdim, **q_only)
    assert refused(child, bad) is Reason.MISSING_GEOMETRY
    # Where the sform is used, they say nothing.
    accepted(child, makers.nifti(tmp_path / "s.nii", makers.voxels((2, 3, 4)), pixdim=pixdim, sform_code=1))


@pytest.mark.parametrize(("qfac", "sign"), [(1.0, 1), (0.0, 1), (-1.0, -1)])
def test_qfac_turns_the_third_axis(tmp_path: Path, child: Child, qfac: float, sign: int) -> None:
    pixdim = [qfac, 0.8, 0.8, 2.5, 1, 1, 1, 1]
    path = makers.nifti(tmp_path / "a.nii", makers.voxels((2, 3, 4)), pixdim=pixdim, sform_code=0)
    expected = makers.affine()[:3, 0] * sign
    np.testing.assert_allclose(frame(accepted(child, path))[:3, 0], expected, atol=1e-5)


@pytest.mark.parametrize("codes", [(9, 1), (-1, 1), (0, 9)])
def test_a_code_that_is_none_is_not_repaired(tmp_path: Path, child: Child, codes: tuple[int, int]) -> None:
    known = {"sform_code": codes[0], "qform_code": codes[1]}
    path = makers.nifti(tmp_path / "a.nii", makers.voxels((2, 3, 4)), **known)
    assert refused(child, path) is Reason.MISSING_GEOMETRY


def test_the_header_is_never_read_as_voxels(tmp_path: Path, child: Child) -> None:
    path = makers.nifti(tmp_path / "a.nii", makers.voxels((2, 3, 4)))
    content = bytearray(path.read_bytes())
    content[108:112] = b"\0" * 4
    path.write_bytes(content)
    assert refused(child, path) is Reason.UNREADABLE


def test_more_columns_than_32_bits_count(tmp_path: Path, child: Child) -> None:
    header = nibabel.Nifti2Header()
    header["dim"] = [3, 5_000_000_000, 1, 1, 1, 1, 1, 1]
    header["datatype"], header["bitpix"], header["vox_offset"], header["magic"] = 2, 8, 544, b"n+2\0\r\n\x1a\n"
    header["sform_code"] = 1
    (tmp_path / "a.nii").write_bytes(header.binaryblock + b"\0" * 64)
    (parsed,) = child.headers([tmp_path / "a.nii"])
    assert parsed.reason is Reason.BOMB_DECLARED
    assert parsed.header is not None
    assert parsed.header.shape == (1, 1, 2**31 - 1)


@pytest.mark.parametrize(("code", "mm"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001)])
def test_units_of_space(tmp_path: Path, child: Child, code: int, mm: float) -> None:
    path = makers.nifti(tmp_path / "a.nii", makers.voxels((2, 3, 4)), xyzt_units=code)
    np.testing.assert_allclose(frame(accepted(child, path))[:3], makers.affine()[:3] * mm, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "dtype", "reason"),
    [
        ((4, 5), "i2", None),
        ((4, 5, 6, 1), "i2", None),
        ((4, 5, 6, 1, 1), "i2", None),
        ((4, 5, 6, 2), "i2", None),
        ((4, 5, 6, 2, 1), "i2", None),
        ((4, 5, 6, 2, 2), "i2", Reason.NOT_3D),
        ((4, 5, 6, 1, 3), "f4", Reason.NOT_3D),
        ((4, 5, 6), "c8", Reason.UNREADABLE),
        ((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")], Reason.COLOR),
    ],
)
def test_dimensions_and_colours(
    tmp_path: Path, child: Child, shape: tuple[int, ...], dtype: Any, reason: Reason | None
) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, dtype), np.eye(4)), tmp_path / "a.nii")
    (parsed,) = child.headers([tmp_path / "a.nii"])
    assert parsed.reason is reason
    assert parsed.header is not None
    assert parsed.header.shape == (1, 1, 1, *shape[2::-1])[-3:]


def test_a_frame_that_is_flat_or_no_number_is_refused(tmp_path: Path, child: Child) -> None:
    flat = makers.nifti(tmp_path / "flat.nii", makers.voxels((2, 3, 4)), srow_z=(0, 0, 0, 0))
    none = makers.nifti(tmp_path / "none.nii", makers.voxels((2, 3, 4)), srow_z=(0, 0, np.nan, 0))
    assert [refused(child, flat), refused(child, none)] == [Reason.MISSING_GEOMETRY] * 2


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_cut_anywhere_never_gives_voxels(tmp_path: Path, child: Child, name: str) -> None:
    path = makers.nifti(tmp_path / name, makers.voxels((3, 8, 8)))
    whole = path.read_bytes()
    for cut in range(1, len(whole), 7):
        path.write_bytes(whole[:cut])
        (parsed,) = child.headers([path])
        if parsed.reason is None:
            # Only a gzipped file hides its cut until it is unpacked.
            assert name.endswith("gz")
            with pytest.raises(Quarantine):
                child.pixels(path, parsed.header or pytest.fail("no header"))


def test_content_is_the_hash_of_the_bytes(tmp_path: Path, child: Child) -> None:
    one = makers.nifti(tmp_path / "one.nii", makers.voxels((2, 3, 4)))
    (tmp_path / "two.nii").write_bytes(one.read_bytes())
    other = makers.nifti(tmp_path / "other.nii", makers.voxels((2, 3, 4), seed=1))
    contents = [accepted(child, path).content for path in (one, tmp_path / "two.nii", other)]
    assert contents[0] == contents[1] != contents[2]
    assert len(contents[0]) == 64


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_fourth_axis_counts_volumes(tmp_path: Path, child: Child, name: str, kind: Any) -> None:
    array = makers.volumes((3, 4, 5, 6)).astype(">i2")
    image = kind(array.T, np.diag([0.5, 0.75, 2.0, 1.0]))
    nibabel.save(image, tmp_path / name)
    header = accepted(child, tmp_path / name)
    assert (header.shape, header.volumes) == ((4, 5, 6), 3)
    assert [header.part(n).facets.temporal_position for n in range(header.parts)] == [0, 1, 2]
    for n in range(3):
        np.testing.assert_array_equal(child.pixels(tmp_path / name, header, parts=[n]), array[n])


@pytest.mark.parametrize(("code", "reason"), [(0, None), (1001, None), (1005, Reason.NOT_3D), (1007, Reason.NOT_3D),
                                              (2003, Reason.NOT_3D)])  # fmt: skip
def test_an_intent_to_be_vectors_is_believed(tmp_path: Path, child: Child, code: int, reason: Reason | None) -> None:
    path = makers.nifti(tmp_path / "a.nii", makers.volumes((3, 4, 5, 6)), intent_code=code)
    assert refused(child, path) is reason


def test_a_cut_behind_a_volume_refuses_it_too(tmp_path: Path, child: Child) -> None:
    """All volumes of a gzipped file or none: only its end says that it is whole."""
    path = makers.nifti(tmp_path / "a.nii.gz", makers.volumes((3, 4, 5, 6)))
    header, whole = accepted(child, path), path.read_bytes()
    damaged = bytearray(whole)
    damaged[-5] ^= 1
    for content, reason in ((whole[:-1], Reason.TRUNCATED), (bytes(damaged), Reason.DECODE_FAIL)):
        path.write_bytes(content)
        with pytest.raises(Quarantine) as caught:
            child.pixels(path, header, parts=[0])
        assert caught.value.reason is reason
    path = makers.nifti(tmp_path / "a.nii", makers.volumes((3, 4, 5, 6)))
    path.write_bytes(path.read_bytes()[:-1])
    assert refused(child, path) is Reason.TRUNCATED


def test_volumes_count_as_bytes_that_are_promised(tmp_path: Path) -> None:
    path = makers.nifti(tmp_path / "a.nii.gz", makers.volumes((3, 4, 5, 6)))
    promised = 3 * 4 * 5 * 6 * 2
    found = [reading.parsed(str(path), Limits(declared_bytes=n)).reason for n in (promised, promised - 1)]
    assert found == [None, Reason.BOMB_DECLARED]


@pytest.mark.parametrize(
    ("moved", "codes", "apart"),
    [((0.0, 0.0, 0.0), (1, 1), 0.0), ((0.5, 0.0, 0.0), (1, 2), 0.5), ((3.0, 0.0, 4.0), (4, 1), 5.0),
     ((0.5, 0.0, 0.0), (1, 0), None), ((0.5, 0.0, 0.0), (0, 1), None)],
)  # fmt: skip
def test_how_far_the_two_forms_are_apart(
    tmp_path: Path, child: Child, moved: tuple[float, ...], codes: tuple[int, int], apart: float | None
) -> None:
    s = np.diag([2.0, 2, 3, 1])
    q = s.copy()
    q[:3, 3] = moved
    image = nibabel.Nifti1Image(makers.voxels((2, 3, 4)).T, None)
    image.set_sform(s, codes[0])
    image.set_qform(q, codes[1])
    nibabel.save(image, tmp_path / "a.nii")
    header = accepted(child, tmp_path / "a.nii")
    assert header.forms_apart_mm == (apart if apart is None else pytest.approx(apart, abs=1e-6))


def test_forms_that_differ_by_a_turn_or_a_size_are_apart_at_the_corners(tmp_path: Path, child: Child) -> None:
    image = nibabel.Nifti1Image(makers.voxels((2, 3, 11)).T, None)
    image.set_sform(np.diag([2.0, 2, 3, 1]), 1)
    image.set_qform(np.diag([2.1, 2, 3, 1]), 1)
    nibabel.save(image, tmp_path / "a.nii")
    assert accepted(child, tmp_path / "a.nii").forms_apart_mm == pytest.approx(1.0, abs=1e-5)


def test_a_qform_that_is_none_is_neither_used_nor_compared(tmp_path: Path, child: Child) -> None:
    """b, c, d of a unit quaternion; these are longer."""
    wrong = {"quatern_b": 1.5, "quatern_c": 0.0, "quatern_d": 0.0}
    path = makers.nifti(tmp_path / "a.nii", makers.voxels((2, 3, 4)), **wrong)
    assert accepted(child, path).forms_apart_mm is None
    path = makers.nifti(tmp_path / "a.nii", makers.voxels((2, 3, 4)), sform_code=0, **wrong)
    assert refused(child, path) is Reason.MISSING_GEOMETRY


def test_analyze_does_not_tell_left_from_right(tmp_path: Path, child: Child) -> None:
    nibabel.save(nibabel.AnalyzeImage(makers.voxels((2, 3, 4)).T, np.eye(4)), tmp_path / "a.img")
    assert refused(child, tmp_path / "a.hdr") is Reason.MISSING_GEOMETRY
    assert refused(child, tmp_path / "a.img") is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize(("at", "value"), [(0, 349), (40, 0), (40, 8), (70, 3), (72, 15)])
def test_what_only_begins_like_analyze_is_no_image(tmp_path: Path, child: Child, at: int, value: int) -> None:
    for order in ("<", ">"):
        image = nibabel.AnalyzeImage(makers.voxels((2, 3, 4)).T, np.eye(4))
        raw = bytearray(image.header.as_byteswapped(order).binaryblock)
        (tmp_path / "a.hdr").write_bytes(raw)
        assert refused(child, tmp_path / "a.hdr") is Reason.MISSING_GEOMETRY
        raw[at : at + 2] = value.to_bytes(2, "little" if order == "<" else "big")
        if at == 0 and order == ">":
            raw[0:4] = value.to_bytes(4, "big")
        (tmp_path / "a.hdr").write_bytes(raw)
        assert refused(child, tmp_path / "a.hdr") is Reason.NOT_AN_IMAGE


def test_files_that_come_with_nibabel(child: Child) -> None:
    """Real ones, of several writers: the same voxels in the same places as nibabel has them."""
    folder, volumes = Path(nibabel.__file__).parent / "tests" / "data", 0
    paths = sorted(path for path in folder.iterdir() if path.name.endswith((".nii", ".nii.gz")))
    for path in paths:
        if path.name == "row_major.dconn.nii":
            assert refused(child, path) is Reason.NOT_3D
            continue
        header, image = accepted(child, path), nibabel.load(path)
        raw = image.dataobj.get_unscaled()
        last = raw.reshape(*header.shape[::-1], header.volumes)
        for n in range(header.volumes):
            np.testing.assert_array_equal(child.pixels(path, header, parts=[n]), last[..., n].T)
            volumes += 1
        turned = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine @ np.eye(4)[[2, 1, 0, 3]]
        np.testing.assert_allclose(frame(header), turned, atol=1e-6)
    if not paths:
        pytest.skip("nibabel is installed without its test data")
    assert volumes > len(paths)
