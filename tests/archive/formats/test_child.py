"""What a hostile file can do to a scan: nothing but refuse itself (laws L6, L8, L9)."""

from __future__ import annotations

import os
import signal
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from pipeline.archive.formats import process as module
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.limits import Limits
from pipeline.errors import PipelineError, Quarantine
from pipeline.reasons import Reason
from tests.archive import makers


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as child:
        yield child


@pytest.fixture
def sabotaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MODULE", "tests.archive.formats.saboteur")


def plant(folder: Path, *contents: bytes) -> list[Path]:
    paths = []
    for n, content in enumerate(contents):
        paths.append(folder / f"{n}")
        paths[-1].write_bytes(content)
    return paths


def reasons(child: Child, paths: list[Path]) -> list[Reason | None]:
    return [one.reason for one in child.headers(paths)]


@pytest.mark.usefixtures("sabotaged")
@pytest.mark.parametrize(("word", "reason"), [("CRASH", Reason.DECODER_CRASH), ("STALL", Reason.DECODER_TIMEOUT)])
def test_pixels_that_kill_their_decoder_are_refused(tmp_path: Path, word: str, reason: Reason) -> None:
    (path,) = makers.ct_series(tmp_path, n=1)
    with Child(Limits(seconds_per_file=2 if word == "STALL" else 30)) as child:
        (parsed,) = child.headers([path])
        assert parsed.header is not None
        with pytest.raises(Quarantine) as caught:
            child.pixels(path, replace(parsed.header, patient=word))
        assert caught.value.reason is reason
        assert child.pid is None


def test_a_child_that_cannot_start_is_no_fault_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MODULE", "pipeline.archive.nowhere")
    with Child() as child, pytest.raises(PipelineError, match="does not start"):
        list(child.headers(makers.ct_series(tmp_path, n=1)))


@pytest.mark.usefixtures("sabotaged")
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (b"CRASH", Reason.DECODER_CRASH),
        (b"STALL", Reason.DECODER_TIMEOUT),
        (b"CHATTER", Reason.DECODER_CRASH),
        (b"GREED", Reason.BOMB_DECLARED),
    ],
)
def test_the_culprit_alone_is_blamed(tmp_path: Path, word: bytes, reason: Reason) -> None:
    good = makers.ct_series(tmp_path / "good", n=5)
    bad, worse = plant(tmp_path, word, word + b" again")
    seconds = 3 if word == b"STALL" else 30
    with Child(Limits(seconds_per_file=seconds, memory_bytes=2**30)) as child:
        assert reasons(child, [*good[:2], bad, good[2], worse, *good[3:]]) == [
            *(None, None, reason, None, reason, None, None),
        ]


def test_a_child_killed_from_outside_is_replaced_and_nobody_blamed(tmp_path: Path, child: Child) -> None:
    paths = makers.ct_series(tmp_path, n=3)
    (before,) = child.headers(paths[:1])
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    answers = list(child.headers(paths))
    assert [one.reason for one in answers] == [None] * 3
    assert answers[0] == before
    assert child.pid != first
    assert next(child.headers(paths[:1])) == before


def test_pixels_asked_of_a_dead_child_come_from_the_next(tmp_path: Path) -> None:
    def compress(k: int, ds: makers.Dataset) -> None:
        ds.compress(RLELossless)

    (path,) = makers.ct_series(tmp_path, n=1, edit=compress)
    with Child() as child:
        (parsed,) = child.headers([path])
        assert parsed.header is not None
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        assert (child.pixels(path, parsed.header) == makers.voxels((1, 32, 32))).all()


def test_a_child_is_retired_after_its_share_of_files(tmp_path: Path) -> None:
    paths = makers.ct_series(tmp_path, n=7)
    with Child(Limits(files_per_child=3)) as child:
        pids = {child.pid for one in child.headers(paths) if one.reason is None}
    assert len(pids) == 3


def test_an_abandoned_iterator_leaves_no_answer_behind(tmp_path: Path, child: Child) -> None:
    paths = makers.ct_series(tmp_path, n=6)
    answers = child.headers(paths)
    third = [next(answers), next(answers), next(answers)][2]
    with pytest.raises(RuntimeError):
        child.pixels(paths[0], third.header or pytest.fail("no header"))
    answers.close()
    assert next(child.headers([paths[2]])) == third


def test_more_files_than_the_pipes_hold(tmp_path: Path, child: Child) -> None:
    deep = tmp_path / Path(*["d" * 200] * 15)
    (path,) = makers.ct_series(deep, n=1, ImageType=["ORIGINAL", "PRIMARY", "AXIAL", *["X" * 16] * 300])
    answers = list(child.headers([path] * 300))
    assert len(answers) == 300
    assert len(set(answers)) == 1


def test_junk_is_sorted_out_by_content(tmp_path: Path, child: Child) -> None:
    rng = np.random.default_rng(0)
    junk = plant(
        tmp_path,
        b"",
        b"\0",
        b"\0" * 5000,
        rng.bytes(131),
        b"<html>" + b" " * 200 + b"</html>",
        b"%PDF-1.7" + rng.bytes(4000),
        b"\xff\xd8\xff\xe0" + rng.bytes(4000),
        b"\x1f\x8b" + rng.bytes(4000),
        b"\0" * 128 + b"DIC",
    )
    assert reasons(child, junk) == [Reason.EMPTY_FILE] + [Reason.NOT_AN_IMAGE] * 8
    # The four letters alone make a DICOM file: what follows is then a broken one, and never skipped.
    for one in child.headers(plant(tmp_path, b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + rng.bytes(900))):
        assert one.reason in (Reason.TRUNCATED, Reason.UNREADABLE)


def test_names_say_nothing(tmp_path: Path, child: Child) -> None:
    makers.nifti(tmp_path / "a.nii.gz", makers.voxels((3, 4, 5)))
    makers.itk_image(tmp_path / "b.mha", makers.voxels((3, 4, 5)))
    makers.itk_image(tmp_path / "c.nrrd", makers.voxels((3, 4, 5)))
    (dicom,) = makers.ct_series(tmp_path / "d", n=1)
    found = []
    for n, path in enumerate([tmp_path / "a.nii.gz", tmp_path / "b.mha", tmp_path / "c.nrrd", dicom]):
        renamed = os.fsencode(tmp_path) + b"/\xff" + str(n).encode() + b".pdf"
        os.rename(path, renamed)
        (one,) = child.headers([os.fsdecode(renamed)])
        assert one.header is not None
        assert child.pixels(os.fsdecode(renamed), one.header).shape == one.header.shape
        found.append(one.header.format)
    assert found == ["nifti", "mha", "nrrd", "dicom"]


def test_links_and_pipes_put_there_after_the_walk_are_not_opened(tmp_path: Path, child: Child) -> None:
    (dicom,) = makers.ct_series(tmp_path / "d", n=1)
    (tmp_path / "link").symlink_to(dicom)
    os.mkfifo(tmp_path / "pipe")
    started = time.monotonic()
    found = reasons(child, [tmp_path / "link", tmp_path / "pipe", tmp_path / "gone"])
    assert None not in found
    assert time.monotonic() - started < 20


def test_bombs_are_refused_by_what_they_declare(tmp_path: Path, child: Child) -> None:
    small = makers.voxels((1, 4, 4))
    huge = makers.dataset(small[0], Rows=65535, Columns=65535, BitsAllocated=32, BitsStored=32, HighBit=31)
    cube = makers.nifti(tmp_path / "cube.nii", makers.voxels((2, 2, 2)))
    raw = bytearray(cube.read_bytes())
    raw[40:56] = struct.pack("<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1)
    cube.write_bytes(raw)
    nrrd = makers.itk_image(tmp_path / "cube.nrrd", makers.voxels((2, 2, 2)))
    nrrd.write_bytes(nrrd.read_bytes().replace(b"sizes: 2 2 2", b"sizes: 9999 9999 9999"))
    paths = [makers.write(huge, tmp_path / "huge.dcm"), cube, nrrd]
    assert reasons(child, paths) == [Reason.BOMB_DECLARED] * 3
    (parsed,) = child.headers([cube])
    with pytest.raises(Quarantine) as caught:
        child.pixels(cube, parsed.header or pytest.fail("no header"))
    assert caught.value.reason is Reason.BOMB_DECLARED


def test_a_deflated_bomb_is_counted_before_it_is_inflated(tmp_path: Path) -> None:
    path = tmp_path / "deflated.dcm"
    ds = makers.dataset(makers.voxels((1, 4, 4))[0])
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    makers.write(ds, path)
    whole = path.read_bytes()
    begin = 144 + int.from_bytes(whole[140:144], "little")
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    path.write_bytes(whole[:begin] + packer.compress(bytes(200 * 2**20)) + packer.flush())
    with Child(Limits(memory_bytes=768 * 2**20)) as child:
        assert reasons(child, [path]) == [Reason.BOMB_DECLARED]


def test_nothing_of_a_header_reaches_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (path,) = makers.ct_series(tmp_path, n=1, PatientID="SENTINEL", SliceThickness="2.5")
    # A decimal string that pydicom and ITK both complain about, value included.
    path.write_bytes(path.read_bytes().replace(b"\x18\x00\x50\x00DS\x04\x002.5 ", b"\x18\x00\x50\x00DS\x04\x00SENT"))
    with Child() as child:
        (one,) = child.headers([path])
    assert one.header is not None
    assert one.header.slice_thickness is None
    assert "SENT" not in "".join(capfd.readouterr())


def test_the_child_sees_no_secrets_of_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with Child() as child:
        list(child.headers(makers.ct_series(tmp_path, n=1)))
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    assert b"OMP_NUM_THREADS=1" in environment
    assert b"SECRET_TOKEN" not in environment
