"""MHA and NRRD lie where ITK says, and hold what ITK says, and never name another file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from pipeline.archive.formats import reading
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.limits import Limits
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats.verdicts import accepted, refused

FORMATS = ["mha", "nrrd"]


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


LOCAL, END = b"ElementDataFile = LOCAL\n", b"\n\n"
NAMES = [
    # What MetaIO takes for the name of a file, and what a reader with other rules takes for none.
    ("mha", LOCAL, b"ElementDataFile = %s\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"ElementDataFile = LIST\n%s\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"ElementDataFile = %s%%03d 1 3 1\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"elementdatafile = LOCAL\nElementDataFile = %s\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"ELEMENTDATAFILE = LOCAL\nElementDataFile = %s\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"ElementDataFile = local\nElementDataFile = %s\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"ElementDataFile: %s\nElementDataFile = LOCAL\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"ElementDataFile %s\nElementDataFile = LOCAL\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"ElementDataFile =\nElementDataFile = %s\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"Comment = c\rElementDataFile = %s\nElementDataFile = LOCAL\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"Comment = c\0ElementDataFile = %s\nElementDataFile = LOCAL\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"ElementDataFile = LOCAL %s\n", Reason.UNREADABLE),
    ("mha", LOCAL, b"Comment = " + b"c" * (1 << 20) + b"\nElementDataFile = %s\n", Reason.UNREADABLE),
    ("nrrd", END, b"\ndata file: LIST\n%s\n\n", Reason.UNSUPPORTED_TS),
    ("nrrd", END, b"\ndata file: %s%%03d 1 3 1\n\n", Reason.UNSUPPORTED_TS),
    ("nrrd", END, b"\n# c\rdata file: %s\n\n", Reason.UNREADABLE),
    ("nrrd", END, b"\n# c\0\ndata\0file: %s\n\n", Reason.UNREADABLE),
    ("nrrd", END, b"\n# " + b"c" * (1 << 20) + b"\ndata file: %s\n\n", Reason.UNREADABLE),
    ("nrrd", END, b"\n\xef\xbb\xbfdata file: %s\n\n", Reason.UNREADABLE),
    ("nrrd", END, b"\n\tdata file: %s\n\n", Reason.UNREADABLE),
    ("nrrd", END, b"\ndata file: b.raw\nData File: %s\n\n", Reason.UNREADABLE),
]


@pytest.mark.parametrize(("form", "old", "new", "reason"), NAMES)
def test_what_readers_take_differently_is_refused(
    tmp_path: Path, child: Child, form: str, old: bytes, new: bytes, reason: Reason
) -> None:
    path = makers.itk_image(tmp_path / f"a.{form}", makers.voxels((3, 4, 5)))
    content = path.read_bytes()
    for target in (b"b.raw", str(tmp_path / "b.raw").encode()):
        (tmp_path / "c").write_bytes(content.replace(old, new.replace(b"%s", target), 1))
        assert refused(child, tmp_path / "c") is reason


@pytest.mark.parametrize("form", FORMATS)
def test_voxels_are_bytes_of_the_file_itself(tmp_path: Path, form: str) -> None:
    """Also where a few bytes of the header are others."""
    array = makers.voxels((3, 4, 5))
    path = makers.itk_image(tmp_path / f"a.{form}", array)
    header = path.read_bytes()[: -array.nbytes]
    names = [b"LOCAL", b"local", b"/etc/passwd", b"data file: /etc/passwd", b"\r", b"\n", b":", b"=", b"\0", b" "]
    rng = np.random.default_rng(0)
    paths = []
    for n in range(300):
        at, width = int(rng.integers(0, len(header))), int(rng.integers(0, 3))
        name = names[rng.integers(len(names))]
        paths.append(tmp_path / f"{n}")
        paths[-1].write_bytes(header[:at] + name + header[at + width :] + array.tobytes())
    accepted = 0
    for one in paths:
        parsed = reading.parsed(str(one), Limits())
        if parsed.reason is None:
            accepted += 1
            assert parsed.header is not None
            assert not parsed.header.detached
            assert reading.voxels(str(one), parsed.header).tobytes() in one.read_bytes()
    assert accepted


@pytest.mark.parametrize("form", FORMATS)
def test_a_header_with_line_ends_of_windows(tmp_path: Path, child: Child, form: str) -> None:
    array = makers.voxels((3, 4, 5))
    path = makers.itk_image(tmp_path / f"a.{form}", array)
    content = path.read_bytes()
    head, data = content[: -array.nbytes], content[-array.nbytes :]
    path.write_bytes(head.replace(b"\n", b"\r\n") + data)
    np.testing.assert_array_equal(child.pixels(path, accepted(child, path)), array)


@pytest.mark.parametrize("form", FORMATS)
def test_a_fact_stated_twice_is_refused(tmp_path: Path, child: Child, form: str) -> None:
    path = makers.itk_image(tmp_path / f"a.{form}", makers.voxels((3, 4, 5)))
    line = next(line for line in path.read_bytes().split(b"\n") if line.lower().startswith((b"dimsize", b"sizes")))
    assert refused(child, edited(path, line, line + b"\n" + line.upper())) is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("form", "old", "new", "reason"),
    [
        ("nrrd", b"encoding: raw", b"encoding: hex", Reason.UNSUPPORTED_TS),
        ("nrrd", b"encoding: raw", b"encoding: raw\nbyte skip: 8", Reason.UNSUPPORTED_TS),
        ("nrrd", b"encoding: raw", b"encoding: raw\nline skip: 1", Reason.UNSUPPORTED_TS),
        ("nrrd", b"encoding: raw", b"encoding: raw\nsomething: 1", Reason.UNREADABLE),
        ("nrrd", b"endian: little\n", b"", Reason.UNREADABLE),
        ("nrrd", b"type: short", b"type: block", Reason.UNREADABLE),
        ("nrrd", b"dimension: 3\n", b"dimension: 2\n", Reason.UNREADABLE),
        ("nrrd", b"sizes: 5 4 3", b"sizes: 5 4 -3", Reason.UNREADABLE),
        ("nrrd", b"sizes: 5 4 3", b"sizes: 5 4 0", Reason.UNREADABLE),
        ("nrrd", b"sizes: 5 4 3", b"sizes: 5 4 4", Reason.TRUNCATED),
        ("nrrd", b"sizes: 5 4 3", b"sizes: 5 4 3000000000", Reason.BOMB_DECLARED),
        ("nrrd", b"sizes: 5 4 3", b"sizes: 99999999 4 99999999", Reason.BOMB_DECLARED),
        ("nrrd", b"space origin: (-12.5,20.25,100)\n", b"", Reason.MISSING_GEOMETRY),
        ("nrrd", b"encoding", b'space units: "cm" "cm" "cm"\nencoding', Reason.MISSING_GEOMETRY),
        ("nrrd", b"encoding", b'space units: "mm" "mm" "um"\nencoding', Reason.MISSING_GEOMETRY),
        ("nrrd", b"encoding", b'space units: "mm" "mm" "mm"\nencoding', None),
        ("nrrd", b"encoding", b"spacings: 1 1 1\nencoding", Reason.MISSING_GEOMETRY),
        ("nrrd", b"encoding", b"Segment0_Name:=data file: a\nencoding", None),
        ("mha", b"BinaryData = True", b"BinaryData = False", Reason.UNSUPPORTED_TS),
        ("mha", b"DimSize", b"HeaderSize = -1\nDimSize", Reason.UNSUPPORTED_TS),
        ("mha", b"DimSize", b"ElementToIntensityFunctionSlope = 2\nDimSize", Reason.UNREADABLE),
        ("mha", b"DimSize", b"ElementToIntensityFunctionSlope = 1.0\nDimSize", None),
        ("mha", b"DimSize", b"Position = 0 0 0\nDimSize", Reason.UNREADABLE),
        ("mha", b"DimSize", b"DistanceUnits = um\nDimSize", Reason.MISSING_GEOMETRY),
        ("mha", b"DimSize = 5 4 3", b"DimSize = 5 4", Reason.UNREADABLE),
        ("mha", b"DimSize = 5 4 3", b"DimSize = 5 4 3000000000", Reason.BOMB_DECLARED),
        ("mha", b"Offset = -12.5", b"Offset = nan", Reason.MISSING_GEOMETRY),
        ("mha", b"Offset = -12.5", b"Offset = 1_2", Reason.UNREADABLE),
    ],
)
def test_reasons(tmp_path: Path, child: Child, form: str, old: bytes, new: bytes, reason: Reason | None) -> None:
    path = makers.itk_image(tmp_path / f"a.{form}", makers.voxels((3, 4, 5)))
    assert refused(child, edited(path, old, new)) is reason


@pytest.mark.parametrize(("form", "old", "new"), [("mha", b"ByteOrderMSB = False", b"ByteOrderMSB = True"),
                                                  ("nrrd", b"endian: little", b"endian: big")])  # fmt: skip
def test_the_other_byte_order(tmp_path: Path, child: Child, form: str, old: bytes, new: bytes) -> None:
    path = edited(makers.itk_image(tmp_path / f"a.{form}", makers.voxels((3, 4, 5))), old, new)
    read = child.pixels(path, accepted(child, path))
    np.testing.assert_array_equal(read, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    np.testing.assert_array_equal(read, makers.voxels((3, 4, 5)).byteswap())


@pytest.mark.parametrize("name", ["MET_LONG", "MET_ULONG"])
def test_a_long_of_metaio_is_what_itk_says(tmp_path: Path, child: Child, name: str) -> None:
    path = makers.itk_image(tmp_path / "a.mha", makers.voxels((3, 4, 5)).astype("i4"))
    edited(path, b"MET_INT", name.encode())
    read, expected = child.pixels(path, accepted(child, path)), sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert read.dtype == expected.dtype
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize(("form", "last"), [("mha", b"DimSize"), ("nrrd", b"sizes")])
def test_a_header_may_be_long_but_not_endless(tmp_path: Path, child: Child, form: str, last: bytes) -> None:
    found = []
    for length in (70_000, 1 << 20):
        path = makers.itk_image(tmp_path / f"a.{form}", makers.voxels((3, 4, 5)))
        text = (b"Comment = " if form == "mha" else b"# ") + b"c" * length + b"\n"
        found.append(refused(child, edited(path, last, text + last)))
    assert found == [None, Reason.UNREADABLE]


@pytest.mark.parametrize("form", FORMATS)
def test_a_deflated_stream_without_its_end_is_cut(tmp_path: Path, child: Child, form: str) -> None:
    path = makers.itk_image(tmp_path / f"a.{form}", makers.voxels((3, 8, 8)), compress=True)
    whole, header = path.read_bytes(), accepted(child, path)
    for cut in range(1, 5):
        path.write_bytes(whole[:-cut])
        with pytest.raises(Quarantine) as caught:
            child.pixels(path, header)
        assert caught.value.reason is Reason.TRUNCATED


def test_damage_inside_deflated_voxels_is_seen(tmp_path: Path, child: Child) -> None:
    for form in FORMATS:
        path = makers.itk_image(tmp_path / f"a.{form}", makers.voxels((3, 8, 8)), compress=True)
        whole = bytearray(path.read_bytes())
        # The checksum: four bytes at the end of zlib's stream, before the length in gzip's.
        whole[-5 if form == "nrrd" else -1] ^= 1
        path.write_bytes(whole)
        with pytest.raises(Quarantine) as caught:
            child.pixels(path, accepted(child, path))
        assert caught.value.reason is Reason.DECODE_FAIL


@pytest.mark.parametrize("form", FORMATS)
def test_vectors_and_dimensions(tmp_path: Path, child: Child, form: str) -> None:
    images = {
        "rgb": (sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), "u1"), isVector=True), Reason.COLOR),
        "field": (sitk.GetImageFromArray(np.zeros((3, 4, 5, 3), "f4"), isVector=True), Reason.NOT_3D),
        "time": (sitk.GetImageFromArray(np.zeros((2, 3, 4, 5), "i2"), isVector=False), None),
        "flat": (sitk.GetImageFromArray(np.zeros((4, 5), "i2")), None),
    }
    for name, (image, reason) in images.items():
        path = tmp_path / f"{name}.{form}"
        sitk.WriteImage(image, str(path))
        if (name, form) == ("flat", "nrrd"):
            # NRRD has names for spaces of three dimensions only: a flat image states none.
            reason = Reason.MISSING_GEOMETRY
        if (name, form) == ("time", "nrrd"):
            # ITK calls the fourth axis one of space, and NRRD has no patient of four dimensions.
            reason = Reason.NOT_3D
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


@pytest.mark.parametrize("compress", [True, False])
def test_a_fourth_axis_of_mha_counts_volumes(tmp_path: Path, child: Child, compress: bool) -> None:
    array = makers.volumes((3, 4, 5, 6))
    image = sitk.GetImageFromArray(array, isVector=False)
    image.SetSpacing((0.5, 0.75, 2.0, 1.5))
    image.SetOrigin((1.0, 2.0, 3.0, 4.0))
    path = tmp_path / "a.mha"
    sitk.WriteImage(image, str(path), useCompression=compress)
    header = accepted(child, path)
    assert (header.shape, header.volumes, header.parts) == ((4, 5, 6), 3, 3)
    assert header.affine == (0, 0, 0.5, 1, 0, 0.75, 0, 2, 2, 0, 0, 3, 0, 0, 0, 1)
    for n in range(3):
        np.testing.assert_array_equal(child.pixels(path, header, parts=[n]), array[n])


@pytest.mark.parametrize("turn", [b"1 0 0 0.1 0 1 0 0 0 0 1 0 0 0 0 1", b"1 0 0 0 0 1 0 0 0 0 1 0 0 0.1 0 1"])
def test_time_is_not_turned_into_space(tmp_path: Path, child: Child, turn: bytes) -> None:
    path = tmp_path / "a.mha"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4, 5), "i2"), isVector=False), str(path))
    edited(path, b"TransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", b"TransformMatrix = " + turn)
    assert refused(child, path) is Reason.MISSING_GEOMETRY


VOLUMES = makers.volumes((3, 4, 5, 6))
SERIES = [
    ("6 5 4 3", "domain domain domain list", "(1,0,0) (0,1,0) (0,0,2) none", VOLUMES),
    ("6 5 4 3", "space space space time", "(1,0,0) (0,1,0) (0,0,2) none", VOLUMES),
    ("3 6 5 4", "list space space space", "none (1,0,0) (0,1,0) (0,0,2)", np.moveaxis(VOLUMES, 0, 3)),
    ("6 5 3 4", "space space list space", "(1,0,0) (0,1,0) none (0,0,2)", np.moveaxis(VOLUMES, 0, 1)),
    ("6 3 5 4", "space time space space", "(1,0,0) none (0,1,0) (0,0,2)", np.moveaxis(VOLUMES, 0, 2)),
]


@pytest.mark.parametrize(("sizes", "kinds", "directions", "array"), SERIES)
@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_the_series_axis_of_nrrd_stands_anywhere(
    tmp_path: Path, child: Child, sizes: str, kinds: str, directions: str, array: np.ndarray, encoding: str
) -> None:
    path = makers.nrrd(tmp_path / "a.nrrd", array, encoding, sizes=sizes, kinds=kinds, space_directions=directions)
    header = accepted(child, path)
    assert (header.shape, header.volumes) == ((4, 5, 6), 3)
    assert header.affine == (0, 0, 1, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1)
    for n in range(3):
        np.testing.assert_array_equal(child.pixels(path, header, parts=[n]), VOLUMES[n])


@pytest.mark.parametrize(
    "kind", ["vector", "3-vector", "3-color", "RGB-color", "3-gradient", "point", "complex", "???"]
)
def test_parts_of_one_voxel_are_no_volumes(tmp_path: Path, child: Child, kind: str) -> None:
    for at in (0, 3):
        kinds, directions, sizes = ["space"] * 3, ["(1,0,0)", "(0,1,0)", "(0,0,1)"], ["6", "5", "4"]
        kinds.insert(at, kind)
        directions.insert(at, "none")
        sizes.insert(at, "3")
        facts = {"sizes": " ".join(sizes), "kinds": " ".join(kinds), "space_directions": " ".join(directions)}
        assert refused(child, makers.nrrd(tmp_path / "a.nrrd", VOLUMES, **facts)) is Reason.NOT_3D
        reason = refused(child, makers.nrrd(tmp_path / "a.nrrd", VOLUMES.astype("u1"), **facts))
        assert reason is Reason.COLOR


def test_a_series_that_goes_through_space_is_none(tmp_path: Path, child: Child) -> None:
    facts = {"sizes": "6 5 4 3", "kinds": "space space space list"}
    path = makers.nrrd(tmp_path / "a.nrrd", VOLUMES, **facts, space_directions="(1,0,0) (0,1,0) (0,0,1) (0,0,4)")
    assert refused(child, path) is Reason.NOT_3D


def test_two_series_axes_are_refused(tmp_path: Path, child: Child) -> None:
    facts = {"sizes": "6 5 4 3 1", "kinds": "space space space list time"}
    path = makers.nrrd(tmp_path / "a.nrrd", VOLUMES, **facts, space_directions="(1,0,0) (0,1,0) (0,0,1) none none")
    assert refused(child, path) is Reason.NOT_3D


def test_bytes_beyond_one_step_of_a_gather(tmp_path: Path, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interleaved voxels come in steps; here one holds three rows of the 120."""
    array = np.moveaxis(VOLUMES, 0, 3)
    path = makers.nrrd(tmp_path / "a.nrrd", array, "gzip", sizes="3 6 5 4", kinds="list space space space",
                       space_directions="none (1,0,0) (0,1,0) (0,0,2)")  # fmt: skip
    monkeypatch.setattr("pipeline.archive.formats.stream._STEP", 18)
    header = accepted(child, path)
    np.testing.assert_array_equal(reading.voxels(str(path), header, [1]), VOLUMES[1])


@pytest.mark.parametrize("encoding", ["gzip", "bzip2"])
def test_damage_behind_a_volume_refuses_it_too(tmp_path: Path, child: Child, encoding: str) -> None:
    """All volumes of a compressed file or none: only its end says that it is whole."""
    sizes, kinds, directions, array = SERIES[0]
    path = makers.nrrd(tmp_path / "a.nrrd", array, encoding, sizes=sizes, kinds=kinds, space_directions=directions)
    header, whole = accepted(child, path), path.read_bytes()
    for cut in (1, 9):
        path.write_bytes(whole[:-cut])
        with pytest.raises(Quarantine) as caught:
            child.pixels(path, header, parts=[0])
        assert caught.value.reason is Reason.TRUNCATED


def test_more_volumes_than_can_be_told_apart(tmp_path: Path, child: Child) -> None:
    facts = {"kinds": "space space space list", "space_directions": "(1,0,0) (0,1,0) (0,0,1) none"}
    found = []
    for n in (65536, 65537):
        array = np.zeros(n, "u1")
        found.append(refused(child, makers.nrrd(tmp_path / "a.nrrd", array, "gzip", sizes=f"1 1 1 {n}", **facts)))
    assert found == [None, Reason.BOMB_DECLARED]


def test_volumes_count_as_bytes_that_are_promised(tmp_path: Path) -> None:
    sizes, kinds, directions, array = SERIES[0]
    path = makers.nrrd(tmp_path / "a.nrrd", array, sizes=sizes, kinds=kinds, space_directions=directions)
    found = [reading.parsed(str(path), Limits(declared_bytes=n)).reason for n in (array.nbytes, array.nbytes - 1)]
    assert found == [None, Reason.BOMB_DECLARED]
    path.write_bytes(path.read_bytes()[:-1])
    assert reading.parsed(str(path), Limits()).reason is Reason.TRUNCATED


@pytest.mark.parametrize("rows", [b"1 0 0 0 1 0 0 0 -1", b"1 0 0 0 1 0 0.5 0 1"])
def test_the_turn_of_mha_is_taken_as_it_stands(tmp_path: Path, child: Child, rows: bytes) -> None:
    """Left-handed or sheared: whether that is a grid is for the gate to say."""
    path = makers.itk_image(tmp_path / "a.mha", makers.voxels((3, 4, 5)))
    edited(path, b"TransformMatrix = 1 0 0 0 1 0 0 0 1", b"TransformMatrix = " + rows)
    k_step = np.array(accepted(child, path).affine).reshape(4, 4)[:3, 0]
    np.testing.assert_array_equal(k_step, 2.5 * np.array(rows.split()[-3:], "f8"))


def test_nothing_packs_better_than_the_ratio_that_is_allowed(tmp_path: Path, child: Child) -> None:
    """A bzip2 block of one voxel value throughout, as background is."""
    directions, array = "(1,0,0) (0,1,0) (0,0,1)", np.zeros((1, 4589, 10_000), "u1")
    path = makers.nrrd(tmp_path / "a.nrrd", array, "bzip2", sizes="10000 4589 1", space_directions=directions)
    assert len(path.read_bytes().partition(b"\n\n")[2]) < 100
    accepted(child, path)
