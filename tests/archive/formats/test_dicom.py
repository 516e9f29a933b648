"""What a DICOM header says, and that no cut or oddity of it passes for a whole image."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import python_encoding
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from pipeline.archive.formats import tags
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.dataset import begin
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.reading import Parsed
from pipeline.reasons import Reason
from tests.archive import makers

SYNTAXES = ["1.2.840.10008.1.2.1", str(ImplicitVRLittleEndian), str(ExplicitVRBigEndian)]


def parse(child: Child, path: Path | str) -> Parsed:
    (parsed,) = child.headers([path])
    return parsed


def parse_one(child: Child, folder: Path, **overrides: Any) -> tuple[Header, Reason | None]:
    (path,) = makers.ct_series(folder, n=1, **overrides)
    parsed = parse(child, path)
    assert parsed.header is not None
    return parsed.header, parsed.reason


@pytest.mark.parametrize("syntax", SYNTAXES)
@settings(max_examples=30)
@given(buffer=st.integers(16, 3000), keep=st.integers(200, 4000))
def test_how_a_file_is_buffered_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, syntax: str, buffer: int, keep: int
) -> None:
    (path,) = makers.ct_series(tmp_path_factory.mktemp("one"), n=1, syntax=syntax, edit=_crowded)
    content = path.read_bytes()[:keep]
    slow, fast = (_elements(file) for file in (io.BytesIO(content), io.BufferedReader(io.BytesIO(content), buffer)))  # type: ignore[arg-type]
    assert slow == fast


def _crowded(_: int, ds: Dataset) -> None:
    """Private blocks, one beside the other and one wanted; sequences wanted and not, of either length; a long value."""
    ds.private_block(0x0019, "SOMEBODY ELSE", create=True).add_new(0x0C, "IS", "7")
    ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "1000")
    ds.add_new(0x00081140, "SQ", [Dataset(), Dataset()])
    ds[0x00081140].is_undefined_length = True
    ds.ReferencedSeriesSequence = [Dataset()]
    ds.TextValue = "said"
    inner = Dataset()
    inner.RadionuclideTotalDose = "1e6"
    ds.RadiopharmaceuticalInformationSequence = [inner]
    ds.ImageComments = "long " * 300


def _elements(file: Any) -> object:
    """What is read up to the pixel data, and how that ends."""
    found: dict[int, object] = {}
    try:
        _, reader = begin(file, 1 << 20)
        last = reader.top(tags.WANTED, tags.PRIVATE, tags.PIXELS, found)
        return found, last, reader.file.tell()
    except EOFError:
        return found


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_fact_of_a_slice(tmp_path: Path, child: Child, syntax: str) -> None:
    paths = makers.ct_series(
        tmp_path,
        n=3,
        oblique=True,
        syntax=syntax,
        ManufacturerModelName="Brilliance 16P",
        ConvolutionKernel="B",
        BodyPartExamined="CHEST",
        BurnedInAnnotation="NO",
        PixelPaddingValue=-2000,
    )
    header = parse(child, paths[2]).header
    assert header is not None
    where = makers.affine(oblique=True) @ (2, 0, 0, 1)
    assert header.position == pytest.approx(where[:3], abs=1e-9)
    assert header.orientation == tuple(makers.orientation(True).ravel())
    expected: dict[str, Any] = {
        "format": "dicom",
        "patient": "PAT-0001",
        "study": makers.uid("study", 0),
        "series": makers.uid("series", 0),
        "instance": makers.uid("instance", 0, 2),
        "frame_of_reference": makers.uid("frame", 0),
        "sop_class": "1.2.840.10008.5.1.4.1.1.2",
        "transfer_syntax": syntax,
        "modality": "CT",
        "manufacturer": "Philips",
        "model": "Brilliance 16P",
        "kernel": "B",
        "body_part": "CHEST",
        "image_type": ("ORIGINAL", "PRIMARY", "AXIAL"),
        "burned_in": "NO",
        "lossy": False,
        "shape": (1, 32, 32),
        "samples": 1,
        "photometric": "MONOCHROME2",
        "bits_allocated": 16,
        "bits_stored": 16,
        "high_bit": 15,
        "signed": True,
        "floating": False,
        "slope": 1.0,
        "intercept": -1024.0,
        "rescale_stated": True,
        "rescale_type": "HU",
        "padding": -2000.0,
        "spacing": (0.8, 0.8),
        "spacing_source": "pixel",
        "slice_thickness": 2.5,
        "affine": None,
        "window": (40.0, 400.0),
        "pixel_length": 2048,
    }
    assert {name: getattr(header, name) for name in expected} == expected
    assert header.pixel_offset == paths[2].stat().st_size - 2048
    element = bytes.fromhex(header.pixel_element)
    order = "big" if syntax == ExplicitVRBigEndian else "little"
    assert int.from_bytes(element[-4:], order) == 2048
    assert len(element) == (8 if syntax == ImplicitVRLittleEndian else 12)
    assert Header.from_json(header.to_json()) == header


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_string_keeps_its_float64(value: float) -> None:
    text = repr(value).encode()
    raw = RawDataElement(Tag(0x00280030), "DS", len(text), text + b" ", 0, False, True)
    read = Elements({0x00280030: raw}).decimal(0x00280030)
    assert read == value
    assert math.copysign(1, read or 0.0) == math.copysign(1, value) or not value


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300)
@given(value=st.binary(max_size=40), little=st.booleans())
def test_no_bytes_of_a_value_raise(value: bytes, little: bool) -> None:
    elements = Elements(
        {tag: RawDataElement(Tag(tag), None, len(value), value, 0, True, little) for tag in (0x00080005, 0x00280030)}
    )
    tag = 0x00280030
    for numbers in (elements.decimals(tag, 2), elements.decimals(tag, 3)):
        assert numbers is None or all(map(math.isfinite, numbers))
    for read in (elements.text, elements.texts, elements.whole, elements.first_decimal, elements.binary):
        read(tag)


ENCODINGS = [*python_encoding, "utf-7", "utf_16_le", "unicode_escape", "raw_unicode_escape", "idna", "rot13", "?"]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=500)
@given(names=st.lists(st.sampled_from(ENCODINGS), max_size=3), value=st.binary(max_size=30))
def test_text_can_always_be_written_down(names: list[str], value: bytes) -> None:
    stated = "\\".join(names).encode()
    elements = Elements(
        {
            0x00080005: RawDataElement(Tag(0x00080005), "CS", len(stated), stated, 0, False, True),
            0x00100020: RawDataElement(Tag(0x00100020), "LO", len(value), value, 0, False, True),
        }
    )
    text = elements.text(0x00100020)
    assert text.encode().decode() == text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["utf-7", "unicode_escape", "utf_16_be", "rot13"])
def test_an_alphabet_that_python_alone_knows_is_none(name: str) -> None:
    # As UTF-7 the second is a lone surrogate, as escapes the third is.
    value = b"a+2AA- \\ud800 \xd8\x00"
    stated = name.encode()
    elements = Elements(
        {
            0x00080005: RawDataElement(Tag(0x00080005), "CS", len(stated), stated, 0, False, True),
            0x00100020: RawDataElement(Tag(0x00100020), "LO", len(value), value, 0, False, True),
        }
    )
    assert elements.text(0x00100020) == value.decode("latin-1").strip("\0 ")


@pytest.mark.parametrize(
    "text",
    [b"1e400\\0.8", b"-1e999\\1", b"NaN", b"inf ", b"0,8\\0,8", b"0.8", b"0.8\\0.8\\0.8", b"1_0\\1_0", b"", b"\\"],
)
def test_spacing_that_is_none_is_none(text: bytes) -> None:
    raw = RawDataElement(Tag(0x00280030), "DS", len(text), text, 0, False, True)
    assert Elements({0x00280030: raw}).decimals(0x00280030, 2) is None


def test_text_in_another_alphabet(tmp_path: Path, child: Child) -> None:
    header, _ = parse_one(child, tmp_path, SpecificCharacterSet="ISO_IR 144", PatientID="Люкceмбypг")
    assert header.patient == "Люкceмбypг"


@pytest.mark.parametrize(
    ("overrides", "spacing", "source"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.2]}, (0.8, 0.8), "pixel"),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.1, 0.2]}, (0.1, 0.2), "imager"),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.1, 0.2]}, (0.1, 0.2), "imager"),
        ({"PixelSpacing": None, "NominalScannedPixelSpacing": [0.3, 0.4]}, (0.3, 0.4), "nominal"),
        ({"PixelSpacing": None}, None, ""),
        ({"PixelSpacing": [-0.8, 0.8]}, None, ""),
    ],
)
def test_spacing_says_where_it_comes_from(
    tmp_path: Path, child: Child, overrides: dict[str, Any], spacing: object, source: str
) -> None:
    header, reason = parse_one(child, tmp_path, **overrides)
    assert (header.spacing, header.spacing_source, reason) == (spacing, source, None)


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "AXIAL"]}, None),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, Reason.LOCALIZER),
        ({"ImageType": ["DERIVED", "PRIMARY", "PROJECTION IMAGE"]}, Reason.PROJECTION),
        ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, Reason.PROJECTION),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, Reason.SECONDARY_CAPTURE),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, Reason.UNREADABLE),
        ({"NumberOfFrames": 2}, Reason.MULTIFRAME),
        ({"NumberOfFrames": 1}, None),
        ({"NumberOfFrames": 0}, Reason.UNREADABLE),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, Reason.COLOR),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Reason.COLOR),
        ({"PhotometricInterpretation": "MONOCHROME1"}, None),
        ({"Rows": None}, Reason.UNREADABLE),
        ({"Columns": 0}, Reason.UNREADABLE),
        ({"BitsAllocated": 12}, Reason.UNREADABLE),
        ({"BitsStored": 17}, Reason.UNREADABLE),
        ({"HighBit": 3}, Reason.UNREADABLE),
        ({"Rows": 33}, Reason.TRUNCATED),
        ({"Rows": 31}, None),
        ({"RescaleSlope": 0}, Reason.UNREADABLE),
        ({"RescaleSlope": None, "RescaleIntercept": None}, None),
        ({"RescaleSlope": "1e400"}, Reason.UNREADABLE),
        ({"RescaleSlope": "1.1e9"}, Reason.UNREADABLE),
        ({"RescaleIntercept": "-1e30"}, Reason.UNREADABLE),
        ({"RescaleIntercept": "1e9"}, None),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2"}, Reason.RTDOSE),
        ({"NumberOfFrames": "99999999999"}, Reason.BOMB_DECLARED),
        ({"NumberOfFrames": "2147483647", "BitsAllocated": 1}, Reason.BOMB_DECLARED),
        ({"ModalityLUTSequence": Sequence([Dataset()])}, Reason.UNREADABLE),
    ],
)
def test_reasons(tmp_path: Path, child: Child, overrides: dict[str, Any], reason: Reason | None) -> None:
    assert parse_one(child, tmp_path, **overrides)[1] is reason


@pytest.mark.filterwarnings("ignore")
def test_a_count_beyond_32_bits_still_makes_a_header_that_fits(tmp_path: Path, child: Child) -> None:
    header, reason = parse_one(child, tmp_path, NumberOfFrames="99999999999")
    assert (header.shape, reason) == ((2**31 - 1, 32, 32), Reason.BOMB_DECLARED)
    assert header.series == makers.uid("series", 0)


@pytest.mark.parametrize(
    ("slope", "intercept", "stated"), [(1, 0, True), (None, 0, False), (1, None, False), (None, None, False)]
)
def test_a_rescale_is_stated_or_not(
    tmp_path: Path, child: Child, slope: int | None, intercept: int | None, stated: bool
) -> None:
    header, reason = parse_one(child, tmp_path, RescaleSlope=slope, RescaleIntercept=intercept)
    assert (header.slope, header.intercept, header.rescale_stated, reason) == (1, 0, stated, None)


def test_objects_without_pixels(tmp_path: Path, child: Child) -> None:
    classes = {
        "1.2.840.10008.5.1.4.1.1.88.11": Reason.NO_PIXELS,
        "1.2.840.10008.5.1.4.1.1.11.1": Reason.NO_PIXELS,
        "1.2.840.10008.5.1.4.1.1.481.5": Reason.NO_PIXELS,
        "1.2.840.10008.5.1.4.1.1.481.3": Reason.NO_REGIONS,
        "1.2.840.10008.1.3.10": Reason.DICOMDIR,
        "1.2.840.10008.5.1.4.1.1.2": Reason.TRUNCATED,
    }
    for sop_class, reason in classes.items():
        parsed = parse(child, makers.without_pixels(tmp_path / sop_class, sop_class))
        assert parsed.reason is reason
        assert parsed.header is not None
        assert parsed.header.series == makers.uid("series")


def test_a_private_syntax_keeps_its_identity(tmp_path: Path, child: Child) -> None:
    (path,) = makers.ct_series(tmp_path, n=1)
    known, foreign = b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0"
    path.write_bytes(path.read_bytes().replace(known, foreign, 1))
    parsed = parse(child, path)
    assert parsed.reason is Reason.UNSUPPORTED_TS
    assert parsed.header is not None
    assert parsed.header.series == makers.uid("series", 0)


def test_a_header_longer_than_what_is_read_at_first(tmp_path: Path, child: Child) -> None:
    header, reason = parse_one(child, tmp_path, ImageComments="x" * 5000, TextValue="y" * 60_000)
    assert reason is None
    assert (header.pixel_offset or 0) > 60_000


@pytest.mark.parametrize("syntax", [*SYNTAXES, str(RLELossless)])
def test_a_slice_cut_anywhere_never_passes(tmp_path: Path, child: Child, syntax: str) -> None:
    def compress(k: int, ds: Dataset) -> None:
        if syntax == RLELossless:
            ds.compress(RLELossless)

    native = SYNTAXES[0] if syntax == RLELossless else syntax
    (path,) = makers.ct_series(tmp_path, n=1, shape=(8, 8), edit=compress, syntax=native)
    whole = path.read_bytes()
    assert parse(child, path).reason is None
    cuts = range(1, len(whole))
    pieces = []
    for cut in cuts:
        pieces.append(tmp_path / f"{cut}")
        pieces[-1].write_bytes(whole[:cut])
    for cut, parsed in zip(cuts, child.headers(pieces), strict=True):
        # Before the four letters there is nothing that says DICOM.
        allowed = {Reason.TRUNCATED, Reason.UNREADABLE} if cut >= 132 else {Reason.NOT_AN_IMAGE}
        assert parsed.reason in allowed, cut


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CT_small.dcm", None),
        ("MR_small_padded.dcm", None),
        ("MR_truncated.dcm", Reason.TRUNCATED),
        ("rtstruct.dcm", Reason.RTSTRUCT),
        ("rtplan.dcm", Reason.NO_PIXELS),
        ("rtdose.dcm", Reason.RTDOSE),
        ("liver_1frame.dcm", Reason.UNREADABLE),
        ("reportsi.dcm", Reason.NO_PIXELS),
        ("examples_palette.dcm", Reason.COLOR),
        ("SC_rgb_rle.dcm", Reason.SECONDARY_CAPTURE),
        ("badVR.dcm", Reason.RTDOSE),
        ("DICOMDIR", Reason.DICOMDIR),
    ],
)
def test_bundled_files(child: Child, name: str, reason: Reason | None) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    assert parse(child, path).reason is reason


@pytest.mark.parametrize(
    ("more", "window", "expected"),
    [
        ({}, True, "LINEAR"),
        ({"VOILUTFunction": "LINEAR"}, True, "LINEAR"),
        ({"VOILUTFunction": "LINEAR_EXACT"}, True, "LINEAR_EXACT"),
        ({"VOILUTFunction": "SIGMOID"}, True, "SIGMOID"),
        ({"VOILUTFunction": "GAMMA"}, True, "OTHER"),
        ({"VOILUTSequence": Sequence([Dataset()])}, True, "LINEAR"),
        ({"VOILUTSequence": Sequence([Dataset()])}, False, "TABLE"),
    ],
)
def test_what_the_window_is_meant_for(
    tmp_path: Path, child: Child, more: dict[str, Any], window: bool, expected: str
) -> None:
    gone = {} if window else {"WindowCenter": None, "WindowWidth": None}
    header, reason = parse_one(child, tmp_path, **more, **gone)
    assert (header.voi, header.window is not None, reason) == (expected, window, None)
