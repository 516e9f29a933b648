"""Any place of a deflated stream is what zlib and gzip make of the whole, in whatever order places are asked for."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.archive.formats import inflate
from pipeline.archive.formats.inflate import Inflated

CONTENT = np.random.default_rng(0).integers(0, 9, 300_000).astype("u1").tobytes()


def members(content: bytes) -> bytes:
    """As bgzip writes: many streams, an empty one at the end."""
    cuts = range(0, len(content), 20_000)
    return b"".join(gzip.compress(content[a : a + 20_000]) for a in cuts) + gzip.compress(b"")


@pytest.fixture(autouse=True)
def _marks_close_by(monkeypatch: pytest.MonkeyPatch) -> None:
    inflate._of.cache_clear()
    monkeypatch.setattr(inflate, "_APART", 10_000)
    monkeypatch.setattr(inflate, "_STEP", 4_000)


def part(path: Path, at: int, size: int) -> bytes:
    found = b""
    with path.open("rb") as file:
        stream = Inflated(file)
        stream.skip(at)
        while len(found) < size and (more := stream.read(size - len(found))):
            found += more
    return found


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, members])
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(places=st.lists(st.tuples(st.integers(0, len(CONTENT)), st.integers(1, 30_000)), min_size=1, max_size=8))
def test_any_place_in_any_order(tmp_path: Path, pack: Callable[[bytes], bytes], places: list[tuple[int, int]]) -> None:
    path = tmp_path / "a"
    path.write_bytes(pack(CONTENT))
    inflate._of.cache_clear()
    for at, size in places:
        assert part(path, at, size) == CONTENT[at : at + size]


def test_a_second_pass_begins_at_a_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(CONTENT))
    with path.open("rb") as file:
        stream = Inflated(file)
        assert not stream.is_whole
        _drain(stream)
        assert stream.is_whole
    with path.open("rb") as file:
        stream = Inflated(file)
        assert stream.is_whole
        read: list[int] = []
        monkeypatch.setattr(
            Inflated, "read", lambda self, size, inner=Inflated.read: read.append(size) or inner(self, size)
        )
        stream.skip(250_000)
        assert sum(read) < 80_000


def test_what_is_known_is_of_one_file_at_one_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for n, content in enumerate((CONTENT, CONTENT[::-1])):
        path.write_bytes(gzip.compress(content, compresslevel=0))
        os.utime(path, ns=(n, n))
        with path.open("rb") as file:
            assert not Inflated(file).is_whole
            _drain(Inflated(file))
        assert part(path, 250_000, 10) == content[250_000:250_010]


def _drain(stream: Inflated) -> None:
    stream.skip(len(CONTENT))
    stream.read(1)


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
def test_neither_cut_nor_damaged_streams_are_whole(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(CONTENT)
    damaged = bytearray(packed)
    damaged[-2 if pack is zlib.compress else -6] ^= 1
    for content, error in ((packed[:-1], EOFError), (packed[:1000], EOFError), (bytes(damaged), zlib.error)):
        (tmp_path / "a").write_bytes(content)
        with (tmp_path / "a").open("rb") as file:
            stream = Inflated(file)
            with pytest.raises(error):
                _drain(stream)
            assert not stream.is_whole


def test_what_follows_the_last_stream_is_not_looked_at(tmp_path: Path) -> None:
    for behind in (b"", b"\0" * 100, b"\x1f", b"garbage"):
        (tmp_path / "a").write_bytes(gzip.compress(CONTENT) + behind)
        assert part(tmp_path / "a", len(CONTENT) - 5, 10) == CONTENT[-5:]


def test_a_file_that_is_none_of_the_system_is_read_anew(tmp_path: Path) -> None:
    for content in (CONTENT, CONTENT[::-1]):
        stream = Inflated(io.BytesIO(gzip.compress(content)))
        assert not stream.is_whole
        stream.skip(250_000)
        assert stream.read(10) == content[250_000:250_010]
