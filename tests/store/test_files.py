"""Small files in place."""

import threading

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
