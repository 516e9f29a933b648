"""Small files in place."""

import os
import threading
from pathlib import Path

import pytest

from pipeline.store import files
from pipeline.store.files import put_if_absent, replace, sweep


def test_equal_bytes_are_left_alone(tmp_path):
    path = tmp_path / "a" / "f"
    assert replace(path, b"one")
    inode = path.stat().st_ino
    assert not replace(path, b"one")
    assert path.stat().st_ino == inode
    assert replace(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["f"]


def test_of_many_writers_exactly_one_puts(tmp_path):
    path, start, won = tmp_path / "record", threading.Barrier(8), []

    def put(n):
        start.wait()
        if put_if_absent(path, str(n).encode()):
            won.append(n)

    threads = [threading.Thread(target=put, args=(n,)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(won) == 1
    assert path.read_bytes() == str(won[0]).encode()
    assert [p.name for p in tmp_path.iterdir()] == ["record"]


def test_sweeping_takes_parts_and_nothing_else(tmp_path):
    (tmp_path / ".abc.part").write_text("half")
    (tmp_path / ".keep").write_text("mine")
    sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".keep"]


def test_the_old_file_stays_whole_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    assert replace(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_the_new_name_appears_only_after_its_bytes_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "x", []
    sync = os.fsync

    def watched(handle: int) -> None:
        seen.append(path.exists())
        sync(handle)

    monkeypatch.setattr(files.os, "fsync", watched)
    replace(path, b"new")
    assert seen == [False, True]


def test_a_writer_whose_part_was_swept_writes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, swept = tmp_path / "x", []
    sync = os.fsync

    def sweeping(handle: int) -> None:
        sync(handle)
        if not swept:
            swept.append(True)
            sweep(tmp_path)

    monkeypatch.setattr(files.os, "fsync", sweeping)
    assert replace(path, b"new")
    assert path.read_bytes() == b"new"


def test_published_files_have_the_rights_that_the_umask_says(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        replace(tmp_path / "x", b"x")
    finally:
        os.umask(umask)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644
