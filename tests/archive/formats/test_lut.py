"""A modality LUT gives what its table says, by hand and as pydicom applies it, or a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from pipeline.archive.formats import voxels
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Frame, Header
from pipeline.archive.formats.lut import Lut, modality_lut
from pipeline.archive.formats.rescale import rescaled
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats.verdicts import accepted, refused

LITTLE = "1.2.840.10008.1.2.1"


def item(table: np.ndarray, first: int, bits: int, signed: bool, packed: bool = False, big: bool = False) -> Dataset:
    lut = Dataset()
    lut.add_new(0x00283002, "SS" if signed else "US", [len(table) % 65536, first, bits])
    lut.ModalityLUTType = "US"
    content = table.astype("u1").tobytes() if packed else table.astype(">u2" if big else "<u2").tobytes()
    lut.add_new(0x00283006, "OW", content + b"\0" * (len(content) % 2))
    return lut


def series(
    folder: Path, words: np.ndarray, lut: Dataset | None, syntax: str = LITTLE, edit: Any = None, **facts: Any
) -> Path:
    facts = {"RescaleSlope": None, "RescaleIntercept": None, "RescaleType": None} | facts
    if lut is not None:
        facts["ModalityLUTSequence"] = Sequence([lut])
    (path,) = makers.ct_series(
        folder,
        n=1,
        shape=words.shape,
        syntax=syntax,
        edit=lambda k, ds: (setattr(ds, "PixelData", words.tobytes()), edit(ds) if edit else None),
        PixelRepresentation=int(words.dtype.kind == "i"),
        **facts,
    )
    return path


@pytest.mark.parametrize("syntax", [LITTLE, str(ImplicitVRLittleEndian), str(ExplicitVRBigEndian), str(RLELossless)])
@pytest.mark.parametrize(("count", "first", "bits"), [(200, 40, 16), (200, -50, 12), (65536, 0, 16), (300, -20, 8)])
def test_values_go_through_the_table(
    tmp_path: Path, child: Child, syntax: str, count: int, first: int, bits: int
) -> None:
    rng = np.random.default_rng(bits)
    table = rng.integers(0, 1 << bits, count)
    words = rng.integers(-100 if first < 0 else 0, 400, (12, 10)).astype("i2" if first < 0 else "u2")
    lut = item(table, first, bits, first < 0, big=syntax == ExplicitVRBigEndian)
    native = LITTLE if syntax == RLELossless else syntax
    path = series(tmp_path, words, lut, native, lambda ds: ds.compress(RLELossless) if syntax == RLELossless else None)
    header = accepted(child, path)
    read = voxels.stored(path, header, child)
    by_hand = [[table[min(max(value - first, 0), count - 1)] for value in row] for row in words.tolist()]
    np.testing.assert_array_equal(read[0], by_hand)
    if bits in (8, 16) and syntax == LITTLE:
        np.testing.assert_array_equal(read[0], apply_modality_lut(words, pydicom.dcmread(path)))
    assert read.dtype == ("u1" if bits == 8 else "u2")
    assert (header.slope, header.intercept, header.rescale_stated, header.rescale_type) == (1, 0, True, "US")
    np.testing.assert_array_equal(rescaled(read)[0], by_hand)


@pytest.mark.parametrize("count", [256, 255])
def test_eight_bits_in_bytes_or_in_words(tmp_path: Path, child: Child, count: int) -> None:
    table = np.arange(count)[::-1] % 256
    words = np.arange(240, dtype="u2").reshape(12, 20)
    for packed in (True, False):
        path = series(tmp_path / str(packed), words, item(table, 0, 8, False, packed))
        np.testing.assert_array_equal(voxels.stored(path, accepted(child, path), child)[0], table[words])


def test_stored_bits_are_cut_before_the_table(tmp_path: Path, child: Child) -> None:
    words = np.random.default_rng(0).integers(0, 2**16, (12, 10)).astype("u2")
    table = np.random.default_rng(1).integers(0, 2**16, 4096)
    path = series(tmp_path, words, item(table, 0, 16, False), BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(voxels.stored(path, accepted(child, path), child)[0], table[words & 0xFFF])


@given(first=st.integers(-40_000, 70_000), count=st.integers(1, 300), at=st.integers(-70_000, 140_000))
def test_beyond_the_table_its_ends_hold(first: int, count: int, at: int) -> None:
    lut = Lut(first, np.arange(count, dtype="u2"), 16)
    assert lut(np.array([at])).tolist() == [min(max(at - first, 0), count - 1)]


@pytest.mark.parametrize(
    ("padding", "expected"),
    [(20, 120.0), (30, None), (0, None), (49, None), (9, None), (60, None)],
)
def test_padding_that_is_alone_in_its_entry(tmp_path: Path, child: Child, padding: int, expected: float | None) -> None:
    table = np.arange(100, 150)
    table[31] = table[30]
    words = np.arange(120, dtype="u2").reshape(12, 10)
    path = series(tmp_path, words, item(table, 0, 16, False), PixelPaddingValue=padding)
    expected = 109.0 if padding == 9 else expected
    assert accepted(child, path).padding == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda ds, lut: setattr(ds, "RescaleSlope", 1),
        lambda ds, lut: setattr(ds, "RescaleIntercept", -1024),
        lambda ds, lut: setattr(ds, "ModalityLUTSequence", Sequence([lut, lut])),
        lambda ds, lut: setattr(ds, "ModalityLUTSequence", Sequence([])),
        lambda ds, lut: lut.pop(0x00283002),
        lambda ds, lut: lut.pop(0x00283006),
        lambda ds, lut: lut.add_new(0x00283002, "US", [51, 0, 16]),
        lambda ds, lut: lut.add_new(0x00283002, "US", [49, 0, 16]),
        lambda ds, lut: lut.add_new(0x00283002, "US", [50, 0, 17]),
        lambda ds, lut: lut.add_new(0x00283002, "US", [50, 0, 7]),
        lambda ds, lut: lut.add_new(0x00283002, "US", [50, 0]),
        lambda ds, lut: lut.add_new(0x00283006, "OW", np.full(50, 256, "u2").tobytes()),
        lambda ds, lut: lut.add_new(0x00283006, "OW", b""),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, child: Child, change: Any) -> None:
    lut = item(np.arange(50), 0, 8, False)
    words = np.zeros((12, 10), "u2")
    path = series(tmp_path, words, lut, edit=lambda ds: change(ds, ds.ModalityLUTSequence[0]))
    assert refused(child, path) is Reason.UNREADABLE


def test_no_table_for_fractions_nor_for_frames_with_a_rescale_of_their_own() -> None:
    content = {0x00283002: np.array([50, 0, 16], "<u2"), 0x00283006: np.arange(50, dtype="<u2")}
    facts = Elements(
        {
            0x00283000: [
                Elements(
                    {tag: RawDataElement(Tag(tag), "US", 0, v.tobytes(), 0, False, True) for tag, v in content.items()}
                )
            ]
        }
    )
    assert len(modality_lut(facts, Header(format="dicom")).table) == 50
    for header in (Header(format="dicom", floating=True), Header(format="dicom", frames=(Frame(),))):
        with pytest.raises(Quarantine):
            modality_lut(facts, header)


def test_a_table_in_some_slices_alone_makes_no_volume_of_both(tmp_path: Path) -> None:
    """What a table gives and what a line gives are stored differently, and need not mean the same."""

    def edit(k: int, ds: Dataset) -> None:
        if k >= 4:
            del ds.RescaleSlope, ds.RescaleIntercept
            ds.ModalityLUTSequence = Sequence([item(np.arange(4096), 0, 16, True)])

    makers.ct_series(tmp_path / "src", n=8, RescaleType="US", edit=edit)
    vault = Vault.create(tmp_path / "vault")
    catalog = scan([tmp_path / "src"], vault)
    assert not {"INTERNAL"} & {row["reason"] for row in catalog.files.to_pylist()}
    for row in catalog.series.to_pylist():
        assert row["verdict"] != "accepted" or row["n_slices"] == 4
