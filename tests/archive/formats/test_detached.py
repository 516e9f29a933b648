"""A header says which file of its folder holds its voxels, and can say nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.detached import Data, images_of, plain, sibling
from pipeline.archive.formats.header import Detached
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats.verdicts import accepted, refused

UNSAFE = ["", ".", "..", "./", "../b", "/b", "a/b", "a/../b", "././b", "..\\b", "C:\\b", "a\0b", "a\nb", "b" * 256]


@pytest.mark.parametrize("stated", UNSAFE)
def test_no_name_but_that_of_a_file_beside(stated: str) -> None:
    with pytest.raises(Quarantine) as caught:
        plain(stated)
    assert caught.value.reason is Reason.PATH_UNSAFE


@given(st.text(st.characters(max_codepoint=255)))
def test_a_plain_name_stays_in_its_folder(stated: str) -> None:
    try:
        name = plain(stated)
    except Quarantine:
        return
    assert Path(sibling("/archive/sub/a.mhd", name)).parent == Path("/archive/sub")
    assert Path(sibling("/archive/sub/a.mhd", name)).resolve().parent == Path("/archive/sub")


def test_a_name_is_bytes() -> None:
    assert plain("\xc3\xa9.raw") == "é.raw"
    assert plain("\xff.raw") == "\udcff.raw"
    assert plain("./a b..raw") == "a b..raw"


def test_a_member_of_a_container_has_siblings_too() -> None:
    assert sibling("/a/b.zip\0c/d.mhd", "e.raw") == "/a/b.zip\0c/e.raw"
    assert sibling("/a/b.zip\0d.mhd", "e.raw") == "/a/b.zip\0e.raw"
    assert sibling("d.mhd", "\\1") == "\\1"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b.hdr", ("b.img", "b.img.gz")),
        ("/a/b.HDR", ("b.IMG", "b.IMG.gz")),
        ("/a/b.c.hdr.gz", ("b.c.img.gz", "b.c.img")),
        ("/a.hdr/b.img", ()),
        ("/a/.hdr", ()),
        ("/a/b.Hdr", ()),
    ],
)
def test_the_names_of_a_pair(path: str, expected: tuple[str, ...]) -> None:
    assert images_of(path) == expected


def beside(path: Path) -> Data:
    status = path.stat()
    return Data(str(path), status.st_size, status.st_mtime_ns)


@pytest.mark.parametrize("form", ["mhd", "nhdr"])
@pytest.mark.parametrize("compress", [True, False])
def test_voxels_beside_a_header_are_those_of_itk(tmp_path: Path, child: Child, form: str, compress: bool) -> None:
    array = makers.voxels((4, 5, 6))
    path = makers.itk_image(tmp_path / f"a.{form}", array, makers.affine(oblique=True), compress)
    (data,) = (other for other in tmp_path.iterdir() if other != path)
    header = accepted(child, path)
    assert header.detached is not None
    assert header.detached.name == data.name
    assert 0 < header.detached.least_bytes <= data.stat().st_size
    np.testing.assert_array_equal(child.pixels(path, header, data=beside(data)), array)
    frame = np.array(header.affine).reshape(4, 4)
    image = sitk.ReadImage(str(path))
    for k, j, i in ((0, 0, 0), (3, 4, 5), (1, 4, 2)):
        place = image.TransformIndexToPhysicalPoint((i, j, k))
        np.testing.assert_allclose((frame @ (k, j, i, 1))[:3], place, atol=1e-9)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
@pytest.mark.parametrize("name", ["a.hdr", "a.hdr.gz"])
def test_a_pair_of_nifti(tmp_path: Path, child: Child, kind: type, name: str) -> None:
    array, data = makers.volumes((2, 3, 4, 5)), tmp_path / name.replace("hdr", "img")
    nibabel.save(kind(array.T, np.diag([1.0, 2, 3, 1])), data)
    header = accepted(child, tmp_path / name)
    assert (header.volumes, header.detached) == (2, Detached("", array.nbytes))
    assert header.affine == (0, 0, -1, 0, 0, -2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1)
    for n in range(2):
        np.testing.assert_array_equal(child.pixels(tmp_path / name, header, parts=[n], data=beside(data)), array[n])


def test_data_are_never_looked_for(tmp_path: Path, child: Child) -> None:
    """What they are is for the scan to say, and neither a header nor a file of its own voxels can do with the other."""
    path, whole = (makers.itk_image(tmp_path / name, makers.voxels((3, 4, 5))) for name in ("a.mhd", "b.mha"))
    for one, data in ((path, None), (whole, beside(tmp_path / "a.raw"))):
        with pytest.raises(Quarantine, match="CHANGED"):
            child.pixels(one, accepted(child, one), data=data)
    known = beside(tmp_path / "a.raw")
    for other in (known._replace(size=1), known._replace(mtime_ns=1), known._replace(path=str(tmp_path / "none"))):
        with pytest.raises(Quarantine, match="CHANGED"):
            child.pixels(path, accepted(child, path), data=other)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"ElementDataFile = a.raw", None),
        (b"ElementDataFile=./a.raw\r\n", None),
        (b"ElementDataFile = a b.raw\n\n", None),
        (b"ElementDataFile = ../a.raw\n", Reason.PATH_UNSAFE),
        (b"ElementDataFile = /etc/passwd\n", Reason.PATH_UNSAFE),
        (b"ElementDataFile = sub/a.raw\n", Reason.PATH_UNSAFE),
        (b"ElementDataFile = \n", Reason.PATH_UNSAFE),
        (b"ElementDataFile = LIST\na.raw\n", Reason.UNREADABLE),
        (b"ElementDataFile = LIST", Reason.UNSUPPORTED_TS),
        (b"ElementDataFile = LIST 2", Reason.UNSUPPORTED_TS),
        (b"ElementDataFile = a%03d.raw 1 3 1\n", Reason.UNSUPPORTED_TS),
        (b"ElementDataFile = Local\n", Reason.UNREADABLE),
        (b"elementdatafile = a.raw\n", Reason.UNREADABLE),
        (b"ElementDataFile = a.raw\nDimSize = 1 1 1\n", Reason.UNREADABLE),
        (b"HeaderSize = 8\nElementDataFile = a.raw\n", Reason.UNSUPPORTED_TS),
        (b"HeaderSize = -1\nElementDataFile = a.raw\n", Reason.UNSUPPORTED_TS),
    ],
)
def test_names_in_an_mhd(tmp_path: Path, child: Child, line: bytes, reason: Reason | None) -> None:
    path = makers.itk_image(tmp_path / "a.mhd", makers.voxels((3, 4, 5)))
    head, _, _ = path.read_bytes().partition(b"ElementDataFile")
    path.write_bytes(head + line)
    assert refused(child, path) is reason


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("data file: a.raw\n", None),
        ("datafile: ./A.raw\n\n", None),
        ("data file: ../../etc/passwd\n", Reason.PATH_UNSAFE),
        ("data file: /etc/passwd\n", Reason.PATH_UNSAFE),
        ("data file: \n", Reason.PATH_UNSAFE),
        ("data file: LIST\na.raw\nb.raw\n", Reason.UNSUPPORTED_TS),
        ("data file: LIST 2\na.raw\n", Reason.UNSUPPORTED_TS),
        ("data file: a%03d.raw 1 3 1\n", Reason.UNSUPPORTED_TS),
        ("data file: a.raw\nline skip: 3\n", Reason.UNSUPPORTED_TS),
        ("data file: a.raw\nbyte skip: -1\n", Reason.UNSUPPORTED_TS),
        ("data file: a.raw\ndatafile: b.raw\n", Reason.UNREADABLE),
        ("data file: skipped 3 lines", Reason.UNREADABLE),
        ("data file: skipped 3 lines\n", None),
    ],
)
def test_names_in_an_nhdr(tmp_path: Path, child: Child, lines: str, reason: Reason | None) -> None:
    directions = "(1,0,0) (0,1,0) (0,0,1)"
    path = makers.nrrd(tmp_path / "a.nhdr", np.zeros(0, "i2"), sizes="5 4 3", space_directions=directions)
    head = path.read_text().removesuffix("\n")
    path.write_text(head + lines)
    (parsed,) = child.headers([path])
    assert parsed.reason is reason
    if reason is None:
        assert parsed.header is not None
        name = lines.splitlines()[0].partition(": ")[2].removeprefix("./")
        assert parsed.header.detached == Detached(name, 120)


WATCH = """
import json, sys
from pipeline.archive.formats import attached, nifti, reading
from pipeline.archive.formats.limits import Limits
opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" else None)
seen = {}
for path in sys.argv[1:]:
    opened.clear()
    found = reading.parsed(path, Limits())
    try:
        found.reason or reading.voxels(path, found.header)
    except reading.Quarantine:
        pass
    seen[path] = [one for one in opened if isinstance(one, str)]
print(json.dumps(seen))
"""


def test_no_name_in_a_header_is_opened(tmp_path: Path) -> None:
    """The child opens what it is told to."""
    secret, folder = tmp_path / "secret", tmp_path / "archive"
    secret.write_bytes(b"S3CRET!" * 40)
    whole = makers.itk_image(folder / "a.mhd", makers.voxels((3, 4, 5))).read_text()
    (folder / "link").symlink_to(secret)
    os.mkfifo(folder / "fifo")
    (folder / "sub").mkdir()
    paths = []
    for n, name in enumerate(("../secret", str(secret), "sub/../../secret", "link", "fifo", "a.raw")):
        paths.append(str(folder / f"{n}.mhd"))
        Path(paths[-1]).write_text(whole.replace("a.raw", name))
    ran = subprocess.run([sys.executable, "-c", WATCH, *paths], capture_output=True, text=True, check=True)
    assert {path: set(opened) for path, opened in json.loads(ran.stdout).items()} == {path: {path} for path in paths}
