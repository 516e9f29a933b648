"""Voxels as pydicom has them, whatever way they are read; and rescaled without losing a bit."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from pipeline.archive.formats import pixels, voxels
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.rescale import rescaled
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats.verdicts import refused

TWELVE_BITS = ("JPEG-lossy.dcm", "JPGExtended.dcm")  # pydicom has no free decoder of these: test_codecs.py has

BUNDLED = sorted(Path(pydicom.data.__file__).parent.glob("test_files/*.dcm"))
NATIVE = ["1.2.840.10008.1.2.1", str(ImplicitVRLittleEndian), str(ExplicitVRBigEndian)]


def header_of(child: Child, path: Path) -> Header:
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    return parsed.header


@pytest.mark.filterwarnings("ignore")
def test_each_bundled_syntax_as_pydicom_reads_it(child: Child) -> None:
    seen = set()
    for path, parsed in zip(BUNDLED, list(child.headers(BUNDLED)), strict=True):
        header = parsed.header
        # Secondary captures are not converted, but they show that their syntaxes are read.
        if header is None or header.samples != 1 or parsed.reason not in (None, Reason.SECONDARY_CAPTURE):
            continue
        ds = pydicom.dcmread(path, force=True)
        try:
            expected = ds.pixel_array
        except (RuntimeError, ValueError, AttributeError):
            if path.name in TWELVE_BITS:
                continue
            with pytest.raises(Quarantine):
                voxels.stored(path, header, child)
            continue
        read = voxels.stored(path, header, child)
        assert read.dtype == expected.dtype.newbyteorder("=")
        np.testing.assert_array_equal(read, expected.reshape(header.shape), err_msg=path.name)
        seen.add(UID(header.transfer_syntax).name)
    assert len(seen) >= 9, seen


def compressed(kind: str) -> Any:
    def edit(k: int, ds: Dataset) -> None:
        if kind == RLELossless:
            ds.compress(RLELossless)
        elif kind == DeflatedExplicitVRLittleEndian:
            ds.file_meta.TransferSyntaxUID = kind

    return edit


@pytest.mark.parametrize("kind", [*NATIVE, str(RLELossless), str(DeflatedExplicitVRLittleEndian)])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("stored", "high"), [(16, 15), (12, 11), (12, 14), (10, 13)])
def test_bits_beyond_the_stored_ones_are_no_part_of_a_voxel(
    tmp_path: Path, child: Child, kind: str, signed: bool, stored: int, high: int
) -> None:
    rng = np.random.default_rng(stored + high)
    words = rng.integers(0, 2**16, (1, 6, 5)).astype("u2")
    (path,) = makers.ct_series(tmp_path, n=1, shape=(6, 5), syntax=kind if kind in NATIVE else NATIVE[0],
                               edit=lambda k, ds: (setattr(ds, "PixelData", words.tobytes()), compressed(kind)(k, ds)),
                               BitsStored=stored, HighBit=high, PixelRepresentation=int(signed))  # fmt: skip
    # In plain integers: take the bits, then give the sign its weight.
    values = (words.astype("i8") >> (high + 1 - stored)) % 2**stored
    if signed:
        values -= (values >= 2 ** (stored - 1)) * 2**stored
    header = header_of(child, path)
    read = voxels.stored(path, header, child)
    np.testing.assert_array_equal(read, values)
    assert read.dtype == ("i2" if signed else "u2")
    if kind in NATIVE:
        np.testing.assert_array_equal(child.pixels(path, header), values)


@pytest.mark.parametrize("vr", ["OB", "OW"])
@pytest.mark.parametrize("kind", NATIVE)
def test_bytes_in_words_of_either_order(tmp_path: Path, child: Child, kind: str, vr: str) -> None:
    content = np.arange(15, dtype="u1").reshape(1, 3, 5)
    padded = np.append(content.ravel(), np.uint8(0))
    big_words = kind == ExplicitVRBigEndian and vr == "OW"

    def edit(k: int, ds: Dataset) -> None:
        # write() swaps 16-bit words for big-endian files, which is right for OW and undone here for OB.
        swap = kind == ExplicitVRBigEndian and not big_words
        ds.PixelData = (padded.view("u2").byteswap() if swap else padded).tobytes()
        ds["PixelData"].VR = vr

    bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    (path,) = makers.ct_series(tmp_path, n=1, shape=(3, 5), syntax=kind, edit=edit, **bits)
    np.testing.assert_array_equal(voxels.stored(path, header_of(child, path), child), content)


@pytest.mark.parametrize("kind", NATIVE)
@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
def test_float_pixel_data(tmp_path: Path, child: Child, keyword: str, dtype: str, kind: str) -> None:
    values = np.random.default_rng(0).normal(size=(1, 4, 6)).astype(dtype)
    values[0, 0, :2] = np.nan, -np.inf

    def edit(k: int, ds: Dataset) -> None:
        del ds.PixelData
        order = ">" if kind == ExplicitVRBigEndian else "<"
        setattr(ds, keyword, values.astype(order + dtype).tobytes())
        ds.BitsAllocated = 8 * values.itemsize

    (path,) = makers.ct_series(tmp_path, n=1, shape=(4, 6), edit=edit, syntax=kind)
    header = header_of(child, path)
    assert header.floating
    read = voxels.stored(path, header, child)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(child.pixels(path, header), values)


def as_stored(array: np.ndarray, kind: str) -> bytes:
    """Of words of any size; ``makers.write`` swaps the halves of 16-bit words, which is undone here beforehand."""
    if kind != ExplicitVRBigEndian:
        return array.tobytes()
    return array.astype(array.dtype.newbyteorder(">")).view("u2").byteswap().tobytes()


@pytest.mark.parametrize("kind", [*NATIVE, str(DeflatedExplicitVRLittleEndian)])
@pytest.mark.parametrize("dtype", ["u4", "i4", "u8", "i8"])
def test_long_words(tmp_path: Path, child: Child, kind: str, dtype: str) -> None:
    limits = np.iinfo(dtype)
    values = np.random.default_rng(0).integers(limits.min, limits.max, (1, 4, 6), dtype)
    values[0, 0, :2] = limits.min, limits.max
    bits = {"BitsAllocated": limits.bits, "BitsStored": limits.bits, "HighBit": limits.bits - 1}
    (path,) = makers.ct_series(
        tmp_path,
        n=1,
        shape=(4, 6),
        syntax=kind if kind in NATIVE else NATIVE[0],
        edit=lambda k, ds: (setattr(ds, "PixelData", as_stored(values, kind)), compressed(kind)(k, ds)),
        PixelRepresentation=int(dtype[0] == "i"),
        **bits,
    )
    header = header_of(child, path)
    for read in (voxels.stored(path, header, child), child.pixels(path, header)):
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("kind", [*NATIVE, str(DeflatedExplicitVRLittleEndian)])
@pytest.mark.parametrize("vr", ["OB", "OW"])
@pytest.mark.parametrize("shape", [(1, 16, 8), (1, 3, 5), (4, 3, 5)])
def test_single_bits_become_bytes(
    tmp_path: Path, child: Child, kind: str, vr: str, shape: tuple[int, int, int]
) -> None:
    values = np.random.default_rng(0).integers(0, 2, shape, "u1")
    packed = np.packbits(values.ravel(), bitorder="little")
    packed = np.append(packed, np.zeros(packed.size % 2, "u1"))

    def edit(k: int, ds: Dataset) -> None:
        swap = kind == ExplicitVRBigEndian and vr == "OB"
        ds.PixelData = (packed.view("u2").byteswap() if swap else packed).tobytes()
        ds["PixelData"].VR = vr
        compressed(kind)(k, ds)

    bits = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelRepresentation": 0}
    (path,) = makers.ct_series(
        tmp_path,
        n=1,
        shape=shape[1:],
        syntax=kind if kind in NATIVE else NATIVE[0],
        edit=edit,
        NumberOfFrames=shape[0],
        **bits,
    )
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    assert parsed.reason in (None, Reason.MULTIFRAME)
    read = voxels.stored(path, parsed.header, child)
    assert read.dtype == "u1"
    np.testing.assert_array_equal(read, values)
    for n in range(shape[0]):
        np.testing.assert_array_equal(voxels.stored(path, parsed.header, child, parts=[n]), values[[n]])


def test_single_bits_are_bounded_by_what_they_become(tmp_path: Path) -> None:
    bits = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelRepresentation": 0}
    (path,) = makers.ct_series(tmp_path, n=1, shape=(32, 32), **bits)
    for most, reason in ((1024, None), (1023, Reason.BOMB_DECLARED)):
        with Child(Limits(declared_bytes=most)) as child:
            (parsed,) = child.headers([path])
            assert parsed.reason is reason


@pytest.mark.parametrize("kind", [str(DeflatedExplicitVRLittleEndian), str(RLELossless), str(ImplicitVRLittleEndian)])
def test_frames_one_by_one_are_the_frames_of_all(tmp_path: Path, child: Child, kind: str) -> None:
    values = makers.voxels((5, 6, 7))
    (path,) = makers.ct_series(
        tmp_path,
        n=1,
        shape=(6, 7),
        syntax=kind if kind in NATIVE else NATIVE[0],
        edit=lambda k, ds: (setattr(ds, "PixelData", values.tobytes()), compressed(kind)(k, ds)),
        NumberOfFrames=5,
    )
    (parsed,) = child.headers([path])
    assert parsed.header is not None
    for parts in (None, [3], [4, 0, 1], [2, 2]):
        expected = values if parts is None else values[parts]
        np.testing.assert_array_equal(voxels.stored(path, parsed.header, child, parts=parts), expected)
        np.testing.assert_array_equal(child.pixels(path, parsed.header, parts=parts), expected)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"PixelAspectRatio": ["2", "1"]}, Reason.MISSING_GEOMETRY),
        ({"PixelAspectRatio": ["1", "1"]}, None),
        ({"PixelAspectRatio": ["0", "0"]}, Reason.MISSING_GEOMETRY),
        ({"PixelAspectRatio": ["2", "1"], "ImagerPixelSpacing": [0.2, 0.1]}, None),
        ({"PixelAspectRatio": ["2", "1"], "PixelSpacing": [0.2, 0.1]}, None),
    ],
)
def test_pixels_that_are_not_square_need_a_spacing(
    tmp_path: Path, child: Child, facts: dict[str, Any], reason: Reason | None
) -> None:
    facts = {"PixelSpacing": None, "Modality": "DX"} | facts
    (path,) = makers.ct_series(tmp_path, n=1, **facts)
    assert refused(child, path) is reason


@pytest.mark.parametrize("bits", [2, 12, 24, 40, 128])
def test_words_of_other_sizes_are_refused(tmp_path: Path, child: Child, bits: int) -> None:
    (path,) = makers.ct_series(tmp_path, n=1, shape=(4, 4), BitsAllocated=bits, BitsStored=min(bits, 8), HighBit=7,
                               edit=lambda k, ds: setattr(ds, "PixelData", bytes(256)))  # fmt: skip
    assert refused(child, path) is Reason.UNREADABLE


def test_slices_are_read_into_one_array(tmp_path: Path, child: Child) -> None:
    paths = makers.ct_series(tmp_path, n=5)
    whole = np.zeros((5, 32, 32), "i2")
    for k, path in enumerate(paths):
        pixels.by_offset(path, header_of(child, path), whole[k : k + 1])
    np.testing.assert_array_equal(whole, makers.voxels((5, 32, 32)))
    with pytest.raises(ValueError, match="another shape"):
        pixels.by_offset(paths[0], header_of(child, paths[0]), whole[:1, ::2])


def test_a_file_that_changed_is_refused(tmp_path: Path, child: Child) -> None:
    native, packed = (makers.ct_series(tmp_path / kind, n=1, edit=compressed(kind))[0] for kind in ("", RLELossless))
    for path in (native, packed):
        header, status, content = header_of(child, path), path.stat(), path.read_bytes()
        known = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        expected = makers.voxels((1, 32, 32))
        np.testing.assert_array_equal(voxels.stored(path, header, child, **known), expected)
        changes = [
            lambda path=path, status=status: os.utime(path, ns=(0, status.st_mtime_ns + 1)),
            lambda path=path, content=content, status=status: (
                path.write_bytes(content + b"\0"),
                os.utime(path, ns=(0, status.st_mtime_ns)),
            ),
            lambda path=path: (path.rename(f"{path}.real"), path.symlink_to(f"{path}.real")),
            lambda path=path: path.unlink(),
        ]
        for change in changes:
            change()
            with pytest.raises(Quarantine) as caught:
                voxels.stored(path, header, child, **known)
            assert caught.value.reason is Reason.CHANGED
    header = header_of(child, Path(f"{native}.real"))
    altered = bytearray(Path(f"{native}.real").read_bytes())
    altered[(header.pixel_offset or 0) - 1] ^= 1
    native.write_bytes(altered)
    with pytest.raises(Quarantine) as caught:
        pixels.by_offset(native, header)
    assert caught.value.reason is Reason.CHANGED


def is_float32(number: int) -> bool:
    odd = abs(number) // (abs(number) & -abs(number) or 1)
    return odd < 2**24 and abs(number) < 2**128


numbers = st.one_of(st.integers(-3, 3), st.integers(-70_000, 70_000), st.floats(-1e5, 1e5, width=32))


@settings(max_examples=300)
@given(
    stored=st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]).flatmap(
        lambda dtype: stn.arrays(dtype, (2, 2, 3), elements=stn.from_dtype(np.dtype(dtype), allow_nan=False))
    ),
    slopes=st.lists(numbers, min_size=2, max_size=2),
    intercepts=st.lists(numbers, min_size=2, max_size=2),
)
def test_rescaling_is_exact_where_sixteen_bits_can_hold_it(
    stored: np.ndarray, slopes: list[float], intercepts: list[float]
) -> None:
    before = stored.copy()
    parts = [
        (x.item(), m, b) for x, m, b in zip(stored.reshape(2, 6).T.ravel(), slopes * 6, intercepts * 6, strict=True)
    ]
    whole = all(float(n).is_integer() for part in parts for n in part)
    exact = [int(x) * int(m) + int(b) for x, m, b in parts] if whole else []
    on_the_way = exact + [int(x) * int(m) for x, m, _ in parts] if whole else []
    lost = not all(map(is_float32, exact))
    with np.errstate(all="ignore"):
        if lost:
            with pytest.raises(Quarantine):
                rescaled(stored, np.array(slopes), np.array(intercepts))
            return
        try:
            read = rescaled(stored, np.array(slopes), np.array(intercepts))
        except Quarantine:
            # More may be refused, but only where float64 itself has no room.
            if max(map(abs, on_the_way), default=0) <= 2**53:
                raise
            return
    np.testing.assert_array_equal(stored, before)
    expected: np.ndarray
    if whole and min(exact) >= -(2**15) and max(exact) < 2**15:
        expected = np.array(exact, "i2")
    elif whole and min(exact) >= 0 and max(exact) < 2**16:
        expected = np.array(exact, "u2")
    else:
        with np.errstate(all="ignore"):
            expected = np.array([np.float64(x) * m + b for x, m, b in parts]).astype("f4")
    assert read.dtype == expected.dtype
    np.testing.assert_array_equal(read.reshape(2, 6).T.ravel(), expected)
    with np.errstate(all="ignore"):
        in_place = rescaled(before, np.array(slopes), np.array(intercepts), in_place=True)
    assert (in_place.dtype, in_place.tobytes()) == (read.dtype, read.tobytes())
    assert np.shares_memory(in_place, before) == (read.dtype.itemsize == stored.dtype.itemsize)


def test_rescaling_keeps_what_is_no_number() -> None:
    stored = np.array([[[1.0, np.nan, np.inf]]])
    np.testing.assert_array_equal(rescaled(stored, 2, 1), np.array([[[3, np.nan, np.inf]]], "f4"))


@pytest.mark.parametrize("dtype", ["i4", "u4", "i8", "u8", "f8"])
@pytest.mark.parametrize(("number", "fits"), [(2**24, True), (2**24 + 1, False), (2**24 + 2, True), (2**30, True)])
def test_whole_numbers_are_never_published_as_their_neighbours(dtype: str, number: int, fits: bool) -> None:
    stored = np.array([[[0, 1, number]]], dtype)
    if fits:
        read = rescaled(stored)
        assert read.dtype == "f4"
        np.testing.assert_array_equal(read.astype("i8"), stored.astype("i8"))
    else:
        with pytest.raises(Quarantine) as caught:
            rescaled(stored)
        assert caught.value.reason is Reason.INEXACT
    # What is scaled to fractions is measured, and rounded.
    assert rescaled(stored, 0.1).dtype == "f4"


def test_a_whole_result_of_a_whole_slope_counts_as_well() -> None:
    stored = np.array([[[5593, 1]]], "u2")
    np.testing.assert_array_equal(rescaled(stored, 3000, 0), np.array([[[16_779_000, 3000]]], "f4"))
    with pytest.raises(Quarantine):
        rescaled(stored, 3001, 0)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_integers_beyond_float64_are_not_rounded_on_the_way(dtype: str) -> None:
    with pytest.raises(Quarantine) as caught:
        rescaled(np.array([[[2**53 + 1]]], dtype))
    assert caught.value.reason is Reason.INEXACT


def test_float32_passes_as_it_is() -> None:
    stored = np.array([[[1e30, 2.0**60, -3.0]]], "f4")
    np.testing.assert_array_equal(rescaled(stored), stored)


def test_whole_floats_become_integers_again() -> None:
    assert rescaled(np.full((2, 2, 2), -1000.0, "f4")).dtype == "i2"
    assert rescaled(np.full((2, 2, 2), -1000.5, "f4")).dtype == "f4"


def test_pixel_data_that_became_less_since_the_scan(tmp_path: Path, child: Child) -> None:
    kind = str(DeflatedExplicitVRLittleEndian)
    (path,) = makers.ct_series(tmp_path, n=1, edit=compressed(kind))
    header = replace(header_of(child, path), shape=(1, 33, 32))
    with pytest.raises(Quarantine) as caught:
        child.pixels(path, header)
    assert caught.value.reason is Reason.TRUNCATED
