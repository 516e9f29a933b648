"""What a derived object repeats of its source: read in the child, legal or left out."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag

from pipeline.archive.formats import identifying, process
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.identifying import REPEATED, legal
from pipeline.archive.formats.limits import Limits
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers


def test_the_table_is_that_of_the_standard() -> None:
    for keyword, (tag, representation) in REPEATED.items():
        assert keyword_for_tag(tag) == keyword
        assert dictionary_VR(tag) == representation


def test_names_of_any_script(tmp_path: Path) -> None:
    names = {"ISO_IR 100": "Müller^Ä", "ISO_IR 192": "山田^太郎", None: "A^B"}
    for charset, name in names.items():
        (path,) = makers.ct_series(tmp_path, n=1, SpecificCharacterSet=charset, PatientName=name, StudyDate="20240229")
        with path.open("rb") as file:
            found = identifying.texts(file, 1 << 20)
        ds = pydicom.dcmread(path)
        assert found["PatientName"] == str(ds.PatientName) == name
        assert found["StudyDate"] == "20240229"
        assert found["StudyInstanceUID"] == ds.StudyInstanceUID
        assert "StudyID" not in found
        assert set(found) <= set(REPEATED)


@pytest.mark.parametrize(
    ("keyword", "good", "bad"),
    [
        ("StudyDate", "19990101", ["19990229", "1999-01-1", "2024-W05", "199901", "１９９９０１０１"]),
        ("StudyTime", "235959.123456", ["25", "2400", "12:30", "12345", "1٢"]),
        ("PatientName", "A^B^C^D^E=山田^太郎", ["x" * 65, "a^b^c^d^e^f", "a=b=c=d", "a\\b", "a\nb", "a\x1bb"]),
        ("PatientID", "x" * 64, ["x" * 65, "a\\b", "a\x00b"]),
        ("StudyID", "x" * 16, ["x" * 17]),
        ("PatientSex", "F", ["f", "F\\M"]),
        ("StudyInstanceUID", "1." * 31 + "1", ["1.2.x", "1" * 65]),
        ("LossyImageCompressionRatio", "12.5", ["12,5", "1\\2"]),
    ],
)
def test_legal(keyword: str, good: str, bad: list[str]) -> None:
    assert legal(keyword, good)
    assert not any(legal(keyword, text) for text in bad)


@given(st.sampled_from(sorted(REPEATED)), st.text(max_size=80))
def test_what_is_legal_can_be_written_without_a_warning(keyword: str, text: str) -> None:
    """pydicom's own validation is the judge; warnings are errors here."""
    if text and legal(keyword, text):
        setattr(pydicom.Dataset(), keyword, text)


def test_a_file_that_is_gone_has_a_reason_and_noise_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 40)
    with Child() as child:
        with pytest.raises(Quarantine) as refused:
            child.texts(tmp_path / "absent")
        assert refused.value.reason is Reason.UNREADABLE_IO
        assert child.texts(tmp_path / "noise") == {}


@pytest.mark.parametrize(
    ("word", "reason"),
    [("CRASH", Reason.DECODER_CRASH), ("STALL", Reason.DECODER_TIMEOUT), ("CHATTER", Reason.DECODER_CRASH)],
)
def test_a_child_that_dies_of_a_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, reason: Reason
) -> None:
    monkeypatch.setattr(process, "_MODULE", "tests.archive.formats.saboteur")
    (tmp_path / "bad").write_bytes(f"{word} ".encode() + bytes(4096))
    (good,) = makers.ct_series(tmp_path / "good", n=1)
    with Child(Limits(seconds_per_file=2 if word == "STALL" else 30)) as child:
        with pytest.raises(Quarantine) as refused:
            child.texts(tmp_path / "bad")
        assert refused.value.reason is reason
        assert child.texts(good)["PatientID"] == "PAT-0001"
