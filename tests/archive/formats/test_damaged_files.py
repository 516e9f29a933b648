"""Bytes at random places are others: a verdict or voxels, within the limits, and the child lives (laws L6, L9)."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.limits import MIB, Limits, declared
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers

WORDS = [b"0", b"-1", b"9" * 30, b"1e999", b"nan", b"4294967296", b"LIST", b"../", b"\xff\xff\xff\x7f", b"\0" * 4]
LIMITS = Limits(memory_bytes=1024 * MIB, declared_bytes=4 * MIB, seconds_per_file=10.0)
OF_THE_CHILD = {Reason.DECODER_CRASH, Reason.DECODER_TIMEOUT, Reason.INTERNAL}


def nii(path: Path) -> Path:
    return makers.nifti(path.with_suffix(".nii"), makers.volumes((2, 3, 4, 5)))


def mha(path: Path) -> Path:
    return makers.itk_image(path.with_suffix(".mha"), makers.voxels((3, 4, 5)))


def mha_deflated(path: Path) -> Path:
    return makers.itk_image(path.with_suffix(".mha"), makers.voxels((3, 4, 5)), compress=True)


def nrrd(path: Path) -> Path:
    series = {"sizes": "2 5 4 3", "kinds": "list space space space", "space_directions": "none (1,0,0) (0,1,0) (0,0,2)"}
    return makers.nrrd(path.with_suffix(".nrrd"), np.moveaxis(makers.volumes((2, 3, 4, 5)), 0, 3), **series)


def nrrd_bzip2(path: Path) -> Path:
    directions = "(1,0,0) (0,1,0) (0,0,2)"
    return makers.nrrd(path.with_suffix(".nrrd"), makers.voxels((3, 4, 5)), "bzip2", sizes="5 4 3",
                       space_directions=directions)  # fmt: skip


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Up to four places changed, mostly in the header: a byte, a word put in or laid over, a cut, a repetition."""
    raw = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, max(1, len(raw) if rng.random() < 0.2 else min(len(raw), 400))))
        word = WORDS[rng.integers(len(WORDS))]
        match rng.integers(0, 5):
            case 0:
                raw[at : at + 1] = bytes([rng.integers(256)])
            case 1:
                raw[at:at] = word
            case 2:
                raw[at : at + len(word)] = word
            case 3:
                del raw[at : at + int(rng.integers(1, 20))]
            case _:
                raw[at:at] = raw[at : at + int(rng.integers(1, 200))]
    return bytes(raw)


@pytest.mark.parametrize(
    ("make", "wrap"),
    [(nii, bytes), (nii, gzip.compress), (mha, bytes), (mha_deflated, bytes), (nrrd, bytes), (nrrd_bzip2, bytes)],
)
def test_damage_is_a_reason_or_does_not_matter(
    tmp_path: Path, make: Callable[[Path], Path], wrap: Callable[[bytes], bytes]
) -> None:
    rng = np.random.default_rng(5)
    whole = make(tmp_path / "whole").read_bytes()
    paths = [tmp_path / str(n) for n in range(150)]
    for path in paths:
        path.write_bytes(wrap(mutated(whole, rng)))
    with Child(LIMITS) as child:
        found = list(child.headers(paths))
        pid, reasons = child.pid, {one.reason for one in found}
        for path, one in zip(paths, found, strict=True):
            if one.reason is not None or one.header is None:
                continue
            assert declared(one.header) <= LIMITS.declared_bytes
            for part in (0, one.header.parts - 1):
                try:
                    assert child.pixels(path, one.header, parts=[part]).shape == one.header.shape
                except Quarantine as refused:
                    reasons.add(refused.reason)
        assert child.pid == pid
    assert len(reasons) > 3
    assert not OF_THE_CHILD & reasons
