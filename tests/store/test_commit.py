"""L3: a published path is whole or absent, whoever dies when."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.store.commit import content, publish


def staged(folder: Path, text: str = "voxels") -> Path:
    (folder / "0" / "c").mkdir(parents=True)
    (folder / "zarr.json").write_text("{}")
    (folder / "0" / "c" / "0").write_text(text)
    return folder


def test_the_hash_depends_on_names_and_bytes_and_nothing_else(tmp_path):
    a, b = content(staged(tmp_path / "a")), content(staged(tmp_path / "b"))
    assert a == b
    assert a.nbytes == len("{}voxels")
    assert content(staged(tmp_path / "c", "voxelt")).sha256 != a.sha256
    (tmp_path / "b" / "zarr.json").rename(tmp_path / "b" / "other.json")
    assert content(tmp_path / "b").sha256 != a.sha256


def test_what_is_published_is_what_was_staged(tmp_path):
    made = content(staged(tmp_path / "s"))
    assert publish(tmp_path / "s", tmp_path / "out" / "v.zarr") == made == content(tmp_path / "out" / "v.zarr")
    assert not (tmp_path / "s").exists()


def test_of_two_writers_of_the_same_bytes_both_succeed_and_one_copy_stays(tmp_path):
    target = tmp_path / "v.zarr"
    first = publish(staged(tmp_path / "a"), target)
    inode = os.stat(target).st_ino
    assert publish(staged(tmp_path / "b"), target) == first
    assert os.stat(target).st_ino == inode
    assert [p.name for p in tmp_path.iterdir()] == ["v.zarr"]


def test_an_unrecorded_leftover_of_other_bytes_gives_way(tmp_path):
    target = staged(tmp_path / "v.zarr", "leftover")
    made = publish(staged(tmp_path / "a"), target)
    assert content(target) == made
    assert [p.name for p in tmp_path.iterdir()] == ["v.zarr"]


def test_many_writers_at_once_leave_one_whole_folder(tmp_path):
    target, start, results = tmp_path / "v.zarr", threading.Barrier(8), []

    def write(n):
        folder = staged(tmp_path / f"s{n}")
        start.wait()
        results.append(publish(folder, target))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [content(target)] * 8
    assert [p.name for p in tmp_path.iterdir()] == ["v.zarr"]


@pytest.mark.skipif(not Path("/usr/bin/strace").exists(), reason="strace is not installed")
def test_files_are_synced_before_the_rename_and_the_folder_after(tmp_path):
    staged(tmp_path / "s")
    log = tmp_path / "trace"
    program = (
        "import sys; from pathlib import Path; from pipeline.store.commit import publish; "
        "publish(*map(Path, sys.argv[1:]))"
    )
    trace = ["strace", "-f", "-e", "trace=fsync,rename,renameat,renameat2", "-o", log]
    subprocess.run([*trace, sys.executable, "-c", program, tmp_path / "s", tmp_path / "out"], check=True)
    calls = [line.split(None, 1)[1].partition("(")[0] for line in log.read_text().splitlines() if "(" in line]
    renames = [n for n, call in enumerate(calls) if call.startswith("rename")]
    assert len(renames) == 1
    assert calls[: renames[0]].count("fsync") == 5
    assert calls[renames[0] + 1 :].count("fsync") == 1
