"""Compressed pixel data: the values that were compressed, or a reason.  Nothing decoded is guessed at."""

from __future__ import annotations

from base64 import b85decode
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pydicom.data
import pytest
import SimpleITK as sitk
from pydicom.uid import RLELossless

from pipeline.archive.formats import codecs
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.codestream import codestream
from pipeline.archive.formats.decode import CODECS, voxels
from pipeline.archive.formats.fragments import frames
from pipeline.archive.formats.syntax import READABLE
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats import encoders
from tests.archive.formats.encoders import encapsulated
from tests.archive.formats.verdicts import accepted, refused

BASE = "1.2.840.10008.1.2.4."
SHAPE = (40, 56)

HTJ2K = b85decode(
    "|4;u>04YEK0000A0000C00000000000000A0000C0000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86Cj9?kdTm&kdTm&kdTmwh"
    "=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000dH@0clfVEb3-bjBbN~Rr024p}69DA%1BY|~eEtH5bO68r6F>kH0L|tAi*x{W{Qv?q0"
    "KfnhFaQNmP1F1UA~1q>0J3Gv{=hMT{<Z+X04tyX6`*XgVZ$aHHrOxM;tO{Gz(61n`1A-yApz{T0RPz"
)
"""(311 i + 97 j) mod 4096 of 12 x 10 samples of 16 bits, by OpenJPH 0.2x: there is no encoder among the decoders."""


def values(bits: int, signed: bool = False, seed: int = 0) -> np.ndarray:
    """(1, rows, columns): all of their range, in 16-bit words, or bytes where they fit."""
    rng = np.random.default_rng(seed)
    low = -(1 << (bits - 1)) if signed else 0
    array = rng.integers(low, low + (1 << bits), (1, *SHAPE))
    array[0, 0, :2] = low, low + (1 << bits) - 1
    return array.astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


def coding(array: np.ndarray, bits: int) -> dict[str, Any]:
    return {
        "BitsAllocated": 8 * array.itemsize,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(array.dtype.kind == "i"),
    }


def patterns(array: np.ndarray, bits: int) -> np.ndarray:
    """The stored bits alone, unsigned."""
    return (array.astype("i8") & ((1 << bits) - 1)).astype(f"u{array.itemsize}")


def read(child: Child, path: Path, parts: list[int] | None = None) -> np.ndarray:
    header = accepted(child, path)
    return child.pixels(path, header, parts=parts)


def why(child: Child, path: Path) -> Reason:
    header = accepted(child, path)
    with pytest.raises(Quarantine) as caught:
        child.pixels(path, header)
    return caught.value.reason


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [7, 8, 10, 12, 13, 16])
@pytest.mark.parametrize("syntax", ["57", "70", "80", "90", "91", "201", "202", "203", "rle"])
def test_without_loss_every_value_comes_back(
    tmp_path: Path, child: Child, syntax: str, bits: int, signed: bool
) -> None:
    array = values(bits, signed)
    if syntax == "rle":
        path = makers.write(makers.dataset(array[0], **coding(array, bits)), tmp_path / "rle.dcm")
        ds = pydicom.dcmread(path)
        ds.compress(RLELossless)
        ds.save_as(path)
    elif syntax in ("57", "70"):
        path = makers.write(makers.dataset(array[0], **coding(array, bits)), tmp_path / "one.dcm")
        encoders.jpeg(path, "JPEGLosslessProcess14" if syntax == "57" else "JPEGLosslessProcess14_1")
    elif syntax == "80":
        frame = encoders.jpeg_ls_frame(patterns(array[0], bits), bits)
        path = encapsulated(tmp_path, [frame], BASE + syntax, SHAPE, **coding(array, bits))
    else:
        frame = encoders.jpeg_2000(array[0], bits)
        path = encapsulated(tmp_path, [frame], BASE + syntax, SHAPE, **coding(array, bits))
    decoded = read(child, path)
    assert decoded.dtype == array.dtype
    np.testing.assert_array_equal(decoded, array)


def test_high_throughput_jpeg_2000(tmp_path: Path, child: Child) -> None:
    j, i = np.mgrid[:12, :10]
    for syntax in ("201", "202", "203"):
        path = encapsulated(tmp_path, [HTJ2K], BASE + syntax, (12, 10), PixelRepresentation=0)
        np.testing.assert_array_equal(read(child, path)[0], (311 * i + 97 * j) % 4096)


def test_jpeg_of_twelve_bits_by_hand(tmp_path: Path, child: Child) -> None:
    blocks = np.random.default_rng(1).integers(0, 4096, (5, 7))
    blocks[0, :3] = 0, 4095, 0
    # A rescale is stated and must not be applied: GDCM's own reader would.
    path = encapsulated(tmp_path, [encoders.jpeg_12(blocks)], BASE + "51", SHAPE, RescaleSlope=2,
                        **coding(np.zeros(1, "u2"), 12))  # fmt: skip
    assert accepted(child, path).lossy
    np.testing.assert_array_equal(read(child, path)[0], np.kron(blocks, np.ones((8, 8), int)))


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_jpeg_of_twelve_bits_as_simpleitk_reads_it(child: Child, name: str) -> None:
    path = Path(pydicom.data.__file__).parent / "test_files" / name
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    assert parsed.reason is Reason.SECONDARY_CAPTURE
    decoded = child.pixels(path, parsed.header)
    np.testing.assert_array_equal(decoded, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    # As libjpeg of Thomas Richter has them (GPL, so not among ours); pydicom's tests hold it to the same two.
    assert (decoded[0, 420, 140], decoded[0, 230, 120]) == (244, 95)


def test_jpeg_of_eight_bits_as_both_decoders_read_it(tmp_path: Path, child: Child) -> None:
    array = np.add.outer(np.arange(40), 3 * np.arange(56)).astype("u1")
    frame = encoders.jpeg_8(array)
    code = codestream(frame)
    np.testing.assert_array_equal(codecs.gdcm(frame, code), codecs.pillow(frame, code))
    for syntax in ("50", "51"):
        path = encapsulated(tmp_path, [frame], BASE + syntax, SHAPE, **coding(array, 8))
        decoded = read(child, path)[0]
        np.testing.assert_array_equal(decoded, codecs.pillow(frame, code))
        assert abs(decoded.astype(int) - array).max() <= 3


def test_near_lossless_is_near(tmp_path: Path, child: Child) -> None:
    array = values(12)
    path = encapsulated(
        tmp_path, [encoders.jpeg_ls_frame(array[0], 12, error=3)], BASE + "81", SHAPE, **coding(array, 12)
    )
    assert accepted(child, path).lossy
    assert 0 < abs(read(child, path).astype(int) - array).max() <= 3


@pytest.mark.parametrize("stored", [10, 12])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", ["70", "80", "90"])
def test_words_with_more_than_the_value_in_them(
    tmp_path: Path, child: Child, syntax: str, signed: bool, stored: int
) -> None:
    """A lossless codec that was given whole words, overlay bits included: the same as the native words give."""
    words = values(16)
    facts = {"BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": int(signed)}
    native = makers.write(makers.dataset(words[0], **facts), tmp_path / "native.dcm")
    if syntax == "70":
        whole = makers.write(makers.dataset(words[0], PixelRepresentation=0), tmp_path / "whole.dcm")
        frame = encoders.jpeg(whole, "JPEGLosslessProcess14_1")
    else:
        frame = encoders.jpeg_ls_frame(words[0], 16) if syntax == "80" else encoders.jpeg_2000(words[0], 16)
    path = encapsulated(tmp_path, [frame], BASE + syntax, SHAPE, **facts)
    np.testing.assert_array_equal(read(child, path), child.pixels(native, accepted(child, native)))


def test_what_loss_puts_beyond_the_stored_bits_is_clipped(tmp_path: Path, child: Child) -> None:
    rng = np.random.default_rng(0)
    array = np.where(rng.random(SHAPE) < 0.5, 2047, -2048).astype("i2")
    frame = encoders.jpeg_2000(array, 16, ratio=3)
    raw = codecs.openjpeg(frame, codestream(frame))
    assert raw.min() < -2048
    assert raw.max() > 2047
    path = encapsulated(tmp_path, [frame], BASE + "91", SHAPE, LossyImageCompression="01", **coding(array, 12))
    np.testing.assert_array_equal(read(child, path)[0], raw.clip(-2048, 2047))


@pytest.mark.parametrize("bits", [12, 13, 16])
def test_jpeg_2000_with_the_other_sign(tmp_path: Path, child: Child, bits: int) -> None:
    array = values(bits, signed=True)
    frame = encoders.jpeg_2000(patterns(array[0], bits), bits)
    path = encapsulated(tmp_path, [frame], BASE + "90", SHAPE, **coding(array, bits))
    np.testing.assert_array_equal(read(child, path), array)
    unsigned = patterns(array, bits)
    frame = encoders.jpeg_2000(array[0], bits)
    path = encapsulated(tmp_path, [frame], BASE + "90", SHAPE, **coding(unsigned, bits))
    np.testing.assert_array_equal(read(child, path), unsigned)


@pytest.mark.parametrize("syntax", ["80", "90"])
def test_a_sign_that_is_in_no_bit_is_not_guessed(tmp_path: Path, child: Child, syntax: str) -> None:
    """Signed in 16 bits, coded as 12 unsigned: 4000 may be 4000 or -96."""
    encode = encoders.jpeg_ls_frame if syntax == "80" else encoders.jpeg_2000
    small = values(11).astype("u2")
    path = encapsulated(tmp_path, [encode(small[0], 12)], BASE + syntax, SHAPE, **coding(small.astype("i2"), 16))
    np.testing.assert_array_equal(read(child, path), small)
    large = values(12)
    path = encapsulated(tmp_path, [encode(large[0], 12)], BASE + syntax, SHAPE, **coding(large.astype("i2"), 16))
    assert why(child, path) is Reason.DECODE_FAIL


def test_a_sign_lost_among_overshoots_is_not_guessed(tmp_path: Path, child: Child) -> None:
    array = values(12, signed=True)
    frame = encoders.jpeg_2000(patterns(array[0], 16), 16)
    for lossy, reason in ((None, None), ("01", Reason.DECODE_FAIL)):
        path = encapsulated(tmp_path, [frame], BASE + "91", SHAPE, LossyImageCompression=lossy, **coding(array, 12))
        if reason is None:
            np.testing.assert_array_equal(read(child, path), array)
        else:
            assert why(child, path) is reason


def test_fewer_bits_than_stored_need_no_words(tmp_path: Path, child: Child) -> None:
    array = values(8).astype("u1")
    for syntax, frame in (("80", encoders.jpeg_ls_frame(array[0], 8)), ("90", encoders.jpeg_2000(array[0], 8))):
        path = encapsulated(tmp_path, [frame], BASE + syntax, SHAPE, **coding(array.astype("u2"), 8))
        decoded = read(child, path)
        assert decoded.dtype == "u2"
        np.testing.assert_array_equal(decoded, array)


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("fragments", [1, 2, 3])
@pytest.mark.parametrize("syntax", ["80", "90"])
def test_frames_however_they_are_cut(tmp_path: Path, child: Child, syntax: str, fragments: int, table: bool) -> None:
    array = np.concatenate([values(12, seed=n) for n in range(4)])
    encode = encoders.jpeg_ls_frame if syntax == "80" else encoders.jpeg_2000
    path = encapsulated(
        tmp_path, [encode(frame, 12) for frame in array], BASE + syntax, SHAPE, fragments, table, **coding(array, 12)
    )
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    np.testing.assert_array_equal(child.pixels(path, parsed.header), array)
    for parts in ([2], [3, 0], [0, 1, 2, 3], [1, 1]):
        np.testing.assert_array_equal(child.pixels(path, parsed.header, parts=parts), array[parts])


def test_one_frame_in_pieces(tmp_path: Path, child: Child) -> None:
    array = values(12)
    for pieces in (2, 5):
        path = encapsulated(
            tmp_path, [encoders.jpeg_2000(array[0], 12)], BASE + "90", SHAPE, pieces, **coding(array, 12)
        )
        np.testing.assert_array_equal(read(child, path), array)


def rewritten(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    return path


@pytest.mark.parametrize("fragments", [1, 2])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda right: [0, 8, 6],
        lambda right: [right[0], right[2], right[1]],
        lambda right: [right[1], right[2], right[2] + 8],
        lambda right: [right[1], right[2], 10**6],
        lambda right: [0, 0, 0],
    ],
)
def test_an_offset_table_that_is_wrong_is_not_followed(
    tmp_path: Path, child: Child, wrong: Any, fragments: int
) -> None:
    array = np.concatenate([values(12, seed=n) for n in range(3)])
    encoded = [encoders.jpeg_ls_frame(frame, 12) for frame in array]
    path = encapsulated(tmp_path, encoded, BASE + "80", SHAPE, fragments, **coding(array, 12))
    right = pydicom.encaps.parse_basic_offsets(pydicom.dcmread(path).PixelData)
    old, new = (np.array(offsets, "<u4").tobytes() for offsets in (right, wrong(right)))
    rewritten(path, b"\xfe\xff\x00\xe0\x0c\0\0\0" + old, b"\xfe\xff\x00\xe0\x0c\0\0\0" + new)
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    np.testing.assert_array_equal(child.pixels(path, parsed.header), array)


def test_a_table_that_leaves_out_the_first_fragment() -> None:
    fragments = [b"\xff\xd8 a", b"more", b"\xff\xd8 b", b"\xff\xd8 c"]
    items = [b"\xfe\xff\x00\xe0" + len(f).to_bytes(4, "little") + f for f in fragments]
    for begins in ([0, 2, 3], [1, 2, 3], []):
        offsets = np.array([sum(map(len, items[:n])) for n in begins], "<u4").tobytes()
        table = b"\xfe\xff\x00\xe0" + len(offsets).to_bytes(4, "little") + offsets
        assert frames(table + b"".join(items), 3) == [b"\xff\xd8 amore", b"\xff\xd8 b", b"\xff\xd8 c"]


def test_a_table_of_fragments_is_checked_before_codestreams_are(tmp_path: Path, child: Child) -> None:
    """Two frames after a fragment of something else: it is part of neither, and nobody knows what it is."""
    array = np.concatenate([values(12, seed=n) for n in range(2)])
    encoded = [b"noise", *(encoders.jpeg_ls_frame(frame, 12) for frame in array)]
    path = encapsulated(tmp_path, encoded, BASE + "80", SHAPE, table=False, NumberOfFrames=2, **coding(array, 12))
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    with pytest.raises(Quarantine):
        child.pixels(path, parsed.header)


def test_two_frames_are_not_one(tmp_path: Path, child: Child) -> None:
    array = values(12)
    frame = encoders.jpeg_ls_frame(array[0], 12)
    path = encapsulated(tmp_path, [frame, frame], BASE + "80", SHAPE, NumberOfFrames=None, **coding(array, 12))
    assert why(child, path) is Reason.DECODE_FAIL


def test_an_extended_offset_table_changes_nothing(tmp_path: Path, child: Child) -> None:
    array = np.concatenate([values(12, seed=n) for n in range(3)])
    encoded = [encoders.jpeg_2000(frame, 12) for frame in array]
    path = encapsulated(tmp_path, encoded, BASE + "90", SHAPE, table=False, **coding(array, 12))
    ds = pydicom.dcmread(path)
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = pydicom.encaps.encapsulate_extended(encoded)
    ds.save_as(path)
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    np.testing.assert_array_equal(child.pixels(path, parsed.header), array)


@pytest.mark.parametrize("stated", [2, 4])
@pytest.mark.parametrize(("fragments", "table"), [(1, True), (1, False), (2, True), (2, False)])
def test_another_count_of_frames_than_stated_is_refused(
    tmp_path: Path, child: Child, stated: int, fragments: int, table: bool
) -> None:
    array = np.concatenate([values(12, seed=n) for n in range(3)])
    encoded = [encoders.jpeg_ls_frame(frame, 12) for frame in array]
    path = encapsulated(
        tmp_path, encoded, BASE + "80", SHAPE, fragments, table, NumberOfFrames=stated, **coding(array, 12)
    )
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    for parts in (None, [0], [1]):
        with pytest.raises(Quarantine) as caught:
            child.pixels(path, parsed.header, parts=parts)
        assert caught.value.reason is Reason.DECODE_FAIL


def frame_of(syntax: str) -> bytes:
    if syntax == "51":
        return encoders.jpeg_12(np.random.default_rng(0).integers(0, 4096, (5, 7)))
    return (encoders.jpeg_ls_frame if syntax == "80" else encoders.jpeg_2000)(values(12)[0], 12)


@pytest.mark.parametrize("syntax", ["51", "80", "90"])
def test_a_frame_without_its_end_is_cut(tmp_path: Path, child: Child, syntax: str) -> None:
    frame, facts = frame_of(syntax), coding(np.zeros(1, "u2"), 12)
    ends = set()
    for kept in range(2, len(frame), len(frame) // 25):
        ends.add(why(child, encapsulated(tmp_path, [frame[:kept]], BASE + syntax, SHAPE, **facts)))
    assert ends <= {Reason.TRUNCATED, Reason.DECODE_FAIL}
    assert Reason.TRUNCATED in ends


@pytest.mark.parametrize("syntax", ["51", "80", "90"])
def test_what_follows_a_frame_is_no_part_of_it(tmp_path: Path, child: Child, syntax: str) -> None:
    frame, facts = frame_of(syntax), coding(np.zeros(1, "u2"), 12)
    whole = read(child, encapsulated(tmp_path, [frame], BASE + syntax, SHAPE, **facts))
    for more in (b"\0", b"\xff", b"\0" * 500, b"noise" * 40):
        decoded = read(child, encapsulated(tmp_path, [frame + more], BASE + syntax, SHAPE, **facts))
        np.testing.assert_array_equal(decoded, whole)


@pytest.mark.parametrize("syntax", ["51", "80", "90"])
@pytest.mark.parametrize(
    ("shape", "facts"),
    [
        ((56, 40), {}),
        ((20, 112), {}),
        ((40, 55), {}),
        ((41, 56), {}),
        (SHAPE, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}),
    ],
)
def test_a_codestream_of_another_image_is_refused(
    tmp_path: Path, child: Child, syntax: str, shape: tuple[int, int], facts: dict[str, int]
) -> None:
    facts = coding(np.zeros(1, "u2"), 12) | facts
    assert why(child, encapsulated(tmp_path, [frame_of(syntax)], BASE + syntax, shape, **facts)) is Reason.DECODE_FAIL


def test_what_does_not_fit_is_not_decoded(tmp_path: Path, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """A codestream may declare any size: it is asked before a decoder makes room for that."""
    frame = encoders.jpeg_ls_frame(values(12)[0], 12)
    path = encapsulated(tmp_path, [frame], BASE + "80", (4, 4), **coding(values(12), 12))
    header = accepted(child, path)
    monkeypatch.setitem(CODECS, BASE + "80", (lambda frame, code: pytest.fail("was decoded"),))
    with path.open("rb") as file, pytest.raises(Quarantine):
        voxels(file, header)


def test_a_head_with_fill_bytes() -> None:
    frame = frame_of("51")
    for marker in (b"\xff\xdb", b"\xff\xc1"):
        assert codestream(frame.replace(marker, b"\xff\xff" + marker, 1)) == codestream(frame)


def test_an_image_that_does_not_begin_at_the_origin_of_its_canvas() -> None:
    frame = bytearray(frame_of("90"))
    at = frame.index(b"\xff\x51") + 6
    right, bottom, left, top = np.frombuffer(frame, ">u4", 4, at).tolist()
    frame[at : at + 16] = np.array([right + 7, bottom + 5, left + 7, top + 5], ">u4").tobytes()
    assert codestream(bytes(frame)) == codestream(frame_of("90"))


def codestream_bits(frame: bytes) -> int:
    """As the SOF1 marker has it."""
    return frame[frame.index(b"\xff\xc1") + 4]


def test_cosines_of_sixteen_bits_are_no_jpeg(tmp_path: Path, child: Child) -> None:
    """GDCM writes such files, and reads other values from them than it wrote."""
    array = np.add.outer(30 * np.arange(40), 20 * np.arange(56)).astype("u2")
    path = makers.write(makers.dataset(array, **coding(array, 12)), tmp_path / "one.dcm")
    assert codestream_bits(encoders.jpeg(path, "JPEGExtendedProcess2_4")) == 16
    assert why(child, path) is Reason.DECODE_FAIL


@pytest.mark.parametrize("frame", [b"\xff", b"\xff\xd8", b"\xff\x4f\xff\x51\0", b"\xff\xd8\xff\xd9", b"noise" * 9])
@pytest.mark.parametrize("syntax", ["50", "51", "57", "70", "80", "90", "201"])
def test_noise_is_refused(tmp_path: Path, child: Child, syntax: str, frame: bytes) -> None:
    assert why(child, encapsulated(tmp_path, [frame], BASE + syntax, SHAPE)) is Reason.DECODE_FAIL


@pytest.mark.parametrize("run", [1, 2, 16, 128])
def test_run_lengths_of_another_count(tmp_path: Path, child: Child, run: int) -> None:
    """Two segments of one run each, for 4 x 4 words.  The decoder panics where there is more than room."""
    count = bytes([257 - run if run > 1 else 0])
    offsets = np.array([2, 64, 66, *[0] * 13], "<u4").tobytes()
    frame = offsets + 2 * (count + b"\x05")
    path = encapsulated(tmp_path, [frame], "1.2.840.10008.1.2.5", (4, 4))
    if run == 16:
        np.testing.assert_array_equal(read(child, path), np.full((1, 4, 4), 0x0505))
        return
    assert why(child, path) is Reason.DECODE_FAIL


@pytest.mark.parametrize("syntax", ["51", "70", "80", "90"])
def test_damage_is_a_reason_or_an_image(tmp_path: Path, child: Child, syntax: str) -> None:
    facts = coding(np.zeros(1, "u2"), 12)
    if syntax == "70":
        native = makers.write(makers.dataset(values(12)[0], **facts), tmp_path / "native.dcm")
        frame = encoders.jpeg(native, "JPEGLosslessProcess14_1")
    else:
        frame = frame_of(syntax)
    rng, reasons = np.random.default_rng(0), set()
    for _ in range(30):
        damaged = np.frombuffer(frame, "u1").copy()
        damaged[rng.integers(0, len(frame), rng.integers(1, 10))] = rng.integers(0, 256)
        path = encapsulated(tmp_path, [damaged.tobytes()], BASE + syntax, SHAPE, **facts)
        try:
            assert read(child, path).shape == (1, *SHAPE)
        except Quarantine as refused:
            reasons.add(refused.reason)
    assert reasons <= {Reason.DECODE_FAIL, Reason.TRUNCATED, Reason.DECODER_CRASH}


@pytest.mark.parametrize("syntax", ["92", "93", "94", "100", "102", "107", "205"])
def test_a_syntax_without_a_decoder(tmp_path: Path, child: Child, syntax: str) -> None:
    path = encapsulated(tmp_path, [b"\xff\xd8\xff\xd9"], BASE + syntax, SHAPE)
    assert refused(child, path) is Reason.UNSUPPORTED_TS


def test_each_syntax_that_is_read_has_its_decoder() -> None:
    assert set(CODECS) == {name for name in READABLE if name.startswith(BASE)}
