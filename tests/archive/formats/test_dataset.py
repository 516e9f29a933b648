"""Elements as pydicom finds them, from bytes of any syntax; no depth, length or break of them does harm."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pipeline.archive.formats.dataset import Wanted, begin
from pipeline.archive.formats.elements import Elements
from pipeline.errors import Quarantine

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
MOST = 1 << 20

PATIENT, ROWS, POSITION, WEIGHT, ECHO, PLANE = 0x00100020, 0x00280010, 0x00200032, 0x00189087, 0x00189114, 0x00209113
CONTENT, NUMBER = 0x00209111, 0x00209128
WANTED: Wanted = {
    **dict.fromkeys((PATIENT, ROWS, POSITION, WEIGHT)),
    PLANE: {POSITION: None},
    CONTENT: {NUMBER: None, PLANE: {WEIGHT: None}},
}


def written(ds: Dataset, syntax: str) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "1.2.3"
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def read(data: bytes, wanted: Wanted = WANTED, private: Mapping[tuple[int, str], Wanted] | None = None) -> Elements:
    _, reader = begin(BytesIO(data), MOST)
    found: dict[int, object] = {}
    assert reader.top(wanted, private or {}, (), found) is None
    assert reader.at_end()
    return Elements(found)


def nested(undefined: bool, depth: int, number: int) -> Dataset:
    """Content and, in it, planes; around them sequences that nobody asks for."""
    ds = Dataset()
    ds.PatientID = "A"
    ds.Rows = 512
    ds.DiffusionBValue = 0.5
    inner = Dataset()
    inner.EchoTime = "3"
    for _ in range(depth):
        outer = Dataset()
        outer.MREchoSequence = Items([inner, Dataset()])
        inner = outer
    content = Dataset()
    content.MREchoSequence = Items([inner])
    content.TemporalPositionIndex = number
    plane = Dataset()
    plane.DiffusionBValue = 7.25
    plane.PlaneOrientationSequence = Items([Dataset()])
    content.PlanePositionSequence = Items([plane, Dataset()])
    ds.FrameContentSequence = Items([content, Dataset()])
    ds.MREchoSequence = Items([inner])
    for part in ds.iterall():
        if part.VR == "SQ":
            part.is_undefined_length = undefined
            for item in part.value:
                item.is_undefined_length_sequence_item = undefined
    return ds


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(undefined=st.booleans(), depth=st.integers(0, 4), number=st.integers(0, 2**32 - 1))
@example(undefined=True, depth=0, number=0x4142)
def test_nested_elements_of_every_syntax(syntax: str, undefined: bool, depth: int, number: int) -> None:
    facts = read(written(nested(undefined, depth, number), syntax))
    assert set(facts.raw) == {PATIENT, ROWS, WEIGHT, CONTENT}
    assert (facts.text(PATIENT), facts.binary(ROWS), facts.number(WEIGHT)) == ("A", 512, 0.5)
    first, second = facts.items(CONTENT)
    assert first.count(NUMBER) == number
    assert [plane.number(WEIGHT) for plane in first.items(PLANE)] == [7.25, None]
    assert second.raw == {}


@pytest.mark.parametrize("length", [0x4141, 0x5A5A])
def test_an_item_whose_length_reads_like_a_representation(length: int) -> None:
    # 0x4141 is "AA": of an item it is a length, and nothing else.
    ds = Dataset()
    item = Dataset()
    item.add_new(0x00091001, "OB", b"\0" * (length - length % 2 - 12 - 10))
    item.add_new(0x00090010, "LO", "X ")
    ds.FrameContentSequence = Items([item])
    ds.Rows = 3
    assert read(written(ds, ExplicitVRLittleEndian)).binary(ROWS) == 3


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_private_element_counts_behind_its_creator_in_whatever_block(syntax: str) -> None:
    ds = Dataset()
    ds.private_block(0x0019, "FIRST", create=True).add_new(0x0C, "DS", "1")
    ds.private_block(0x0019, "MINE", create=True).add_new(0x0C, "DS", "2")
    data = written(ds, syntax)
    assert read(data, {}, {(0x0019, "MINE"): {0x0019100C: None}}).decimal(0x0019100C) == 2.0
    assert read(data, {}, {(0x0019, "NOBODY"): {0x0019100C: None}}).raw == {}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_data_set_without_a_preamble_is_read_by_its_first_element(syntax: str) -> None:
    data = written(nested(False, 0, 1), syntax)
    with_meta, _ = begin(BytesIO(data), MOST)
    assert (with_meta.transfer_syntax, with_meta.sop_class) == (syntax, CTImageStorage)
    bare = data[data.index(b"\x00\x08\x00\x16" if syntax == ExplicitVRBigEndian else b"\x08\x00\x16\x00") :]
    meta, _ = begin(BytesIO(bare), MOST)
    assert (meta.transfer_syntax, meta.sop_class) == (syntax, "")
    assert read(bare).binary(ROWS) == 512


def test_a_deflated_data_set_is_bounded() -> None:
    ds = Dataset()
    ds.add_new(0x00091001, "OB", bytes(MOST))
    ds.add_new(0x00090010, "LO", "X")
    with pytest.raises(MemoryError):
        begin(BytesIO(written(ds, DeflatedExplicitVRLittleEndian)), MOST)


def test_sequences_that_do_not_end_where_they_say_are_refused() -> None:
    data = bytearray(written(nested(False, 0, 1), ExplicitVRLittleEndian))
    at = data.index(b"\x20\x00\x11\x91SQ")
    for shift in (-2, 2):
        bad = bytearray(data)
        bad[at + 8] += shift
        with pytest.raises((Quarantine, EOFError, AssertionError)):
            assert set(read(bytes(bad)).raw) == set()


@given(data=st.data(), syntax=st.sampled_from(SYNTAXES))
def test_damaged_bytes_are_read_or_refused(data: st.DataObject, syntax: str) -> None:
    whole = bytearray(written(nested(data.draw(st.booleans()), 1, 5), syntax))
    for _ in range(data.draw(st.integers(0, 5))):
        whole[data.draw(st.integers(132, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = whole[: data.draw(st.integers(132, len(whole)))]
    try:
        _, reader = begin(BytesIO(cut), MOST)
        reader.top(WANTED, {}, (), {})
    except (Quarantine, EOFError, zlib.error, MemoryError):
        return


def test_the_writer_of_these_tests_is_pydicom() -> None:
    ds = dcmread(BytesIO(written(nested(True, 2, 9), ExplicitVRLittleEndian)))
    assert ds.FrameContentSequence[0].TemporalPositionIndex == 9
