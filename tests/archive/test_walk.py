"""Every file is found once, in one order, and none that could hang a reader is opened."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from pipeline.archive.walk import files
from pipeline.errors import SourceError
from pipeline.reasons import Reason


def put(root: Path, name: str | bytes, content: bytes = b"x") -> bytes:
    path = os.path.join(os.fsencode(root), os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def names(root: Path) -> list[bytes]:
    return [os.path.relpath(os.fsencode(found.path), os.fsencode(root)) for found in files(root)]


def test_order_is_that_of_the_names_bytes_whatever_was_made_first(tmp_path: Path) -> None:
    made = [b"b/2", b"a/1", b"a b/3", b"c", b"a/\xff\xfe", b"a/Z/deep/er"]
    one, two = tmp_path / "one", tmp_path / "two"
    for name in made:
        put(one, name)
    for name in reversed(made):
        put(two, name)
    assert names(one) == names(two)
    assert names(one) == [b"a/1", b"a/Z/deep/er", b"a/\xff\xfe", b"a b/3", b"b/2", b"c"]


def test_undecodable_names_come_back_as_the_bytes_on_disk(tmp_path: Path) -> None:
    path = put(tmp_path, b"caf\xe9\n.dcm", b"12345")
    (found,) = files(tmp_path)
    assert os.fsencode(found.path) == path
    assert (found.size, found.reason) == (5, None)
    assert found.mtime_ns == os.stat(path).st_mtime_ns


def test_what_is_no_plain_file_is_a_row_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path, "empty", b"")
    put(tmp_path, "plain")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        found = {Path(one.path).name: one.reason for one in files(tmp_path)}
    assert found == {
        "empty": Reason.EMPTY_FILE,
        "plain": None,
        "pipe": Reason.SPECIAL_FILE,
        "socket": Reason.SPECIAL_FILE,
        "loop": Reason.SYMLINK,
        "link": Reason.SYMLINK,
        "dangling": Reason.SYMLINK,
    }


def test_a_folder_that_may_not_be_looked_into_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "closed/a")
    put(tmp_path, "open/b")
    real = os.scandir

    def scandir(path: bytes) -> os._ScandirIterator[bytes]:
        if path.endswith(b"closed"):
            raise PermissionError(13, "no")
        return real(path)

    # The tests may run as root, whom no mode bits keep out.
    monkeypatch.setattr(os, "scandir", scandir)
    assert [(Path(one.path).name, one.reason) for one in files(tmp_path)] == [
        ("closed", Reason.PERMISSION),
        ("b", None),
    ]


def test_a_tree_deeper_than_python_recurses(tmp_path: Path) -> None:
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1100):
            os.mkdir("d")
            os.chdir("d")
        Path("leaf").write_bytes(b"x")
        os.chdir(here)
        assert [Path(one.path).name for one in files(tmp_path)] == ["leaf"]
    finally:
        os.chdir(here)
        # shutil.rmtree, by which pytest would clean up, does recurse.
        subprocess.run(["rm", "-r", str(tmp_path / "d")], check=True)


def test_a_source_may_be_one_file_or_a_link_that_the_user_names(tmp_path: Path) -> None:
    path = put(tmp_path, "a/one.nii")
    (tmp_path / "named").symlink_to(tmp_path / "a")
    assert [one.path for one in files(os.fsdecode(path))] == [os.path.realpath(os.fsdecode(path))]
    assert [Path(one.path).name for one in files(tmp_path / "named")] == ["one.nii"]


def test_a_missing_source_is_an_error_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        list(files(tmp_path / "secret"))
    assert "secret" not in str(caught.value)
