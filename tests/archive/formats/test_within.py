"""A file in another one reads as if it lay alone, wherever it is read and in whatever order."""

from __future__ import annotations

import gzip
import io
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.formats import within
from pipeline.archive.formats.within import GZIP, RAW, Inflating, Window
from pipeline.errors import Quarantine

CONTENT = b"".join(
    bytes(3000) + np.random.default_rng(n).bytes(2500) + b"a line of text\n" * 200 for n in range(12)
)  # long runs: an inflater that is told to stop in the middle of one holds the rest back

Reads = st.lists(st.tuples(st.integers(0, len(CONTENT) + 50), st.integers(0, 9000)), max_size=30)


def raw(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, RAW)
    return packer.compress(content) + packer.flush()


def window(content: bytes, before: int = 7) -> Window:
    return Window(io.BytesIO(bytes(before) + content + b"after"), before, len(content))


def check(file: io.RawIOBase, reads: list[tuple[int, int]]) -> None:
    buffered = io.BufferedReader(file, 512)
    for at, size in reads:
        buffered.seek(at)
        assert buffered.read(size) == CONTENT[at : at + size]


@given(Reads)
def test_a_window_is_the_file(reads: list[tuple[int, int]]) -> None:
    file = window(CONTENT)
    check(file, reads)


@pytest.mark.parametrize("spacing", [1, 5000, 1 << 23])
@given(Reads)
def test_what_is_deflated_is_the_file(spacing: int, reads: list[tuple[int, int]]) -> None:
    file = Inflating(window(raw(CONTENT)), RAW, len(CONTENT))
    file._spacing = spacing
    check(file, reads)
    assert file.seek(0, 2) == len(CONTENT)


@given(Reads, st.lists(st.integers(0, len(CONTENT)), max_size=4))
def test_what_is_gzipped_in_pieces_is_the_file(reads: list[tuple[int, int]], cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(CONTENT)]
    pieces = b"".join(gzip.compress(CONTENT[a:b], mtime=0) for a, b in pairwise(ends))
    file = Inflating(window(pieces + bytes(512)), GZIP)
    file._spacing = 4000
    check(file, reads)


def test_marks_are_few_in_a_long_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(within, "_MOST_MARKS", 8)
    file = Inflating(window(raw(CONTENT)), RAW, len(CONTENT))
    file._spacing = 100
    buffered = io.BufferedReader(file, 128)
    assert buffered.read() == CONTENT
    assert len(file._marks) <= 8
    check(file, [(len(CONTENT) - 5, 5), (0, 10), (40_000, 100)])


@pytest.mark.parametrize("cut", [1, 2, 50, 5000])
def test_a_stream_that_ends_early_is_refused(cut: int) -> None:
    for deflated, bits in ((raw(CONTENT), RAW), (gzip.compress(CONTENT), GZIP)):
        file = Inflating(window(deflated[:-cut]), bits, len(CONTENT) + 1)
        with pytest.raises(Quarantine, match="ARCHIVE_UNSAFE"):
            io.BufferedReader(file).read()


def test_bytes_that_are_no_stream_are_refused() -> None:
    for bits in (RAW, GZIP):
        with pytest.raises(Quarantine, match="ARCHIVE_UNSAFE"):
            Inflating(window(b"\xff" * 500), bits, 10).read(5)


def test_no_more_than_was_promised_is_read() -> None:
    file = Inflating(window(raw(CONTENT)), RAW, 100)
    assert io.BufferedReader(file).read() == CONTENT[:100]


@pytest.mark.parametrize("step", [1, 7, 100])
def test_the_last_run_is_given_to_its_end(step: int) -> None:
    """zlib has taken in all bytes long before it has given out what the last ones stand for."""
    file = Inflating(window(raw(b"x" + bytes(5000))), RAW, 5001)
    assert b"".join(iter(lambda: file.read(step) or b"", b"")) == b"x" + bytes(5000)
