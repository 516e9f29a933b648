"""The files that come with pydicom: how each ends, and why; those compressed without loss equal their native twins.

The table was made by running, then read line by line.  What may surprise:

- ``SC_*``, ``JPEG*`` and ``image_dfl`` are secondary captures by their SOP class, whatever they show.
- ``TRUNCATED`` are also data sets whose file meta information says that they are images and that hold no pixel data:
  ``no_meta_group_length``, ``priv_SQ``, ``UN_sequence``.
- ``liver_*`` are segmentations that state no count of frames, hence one, and say of three where they lie.
- ``meta_missing_tsyntax`` and ``nested_priv_SQ`` hold two bytes of pixel data that nothing describes.
- ``no_meta`` begins with neither preamble, group 0002 nor group 0008: nothing in it says DICOM.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
import SimpleITK as sitk

from pipeline.archive.convert import convert
from pipeline.archive.formats import voxels
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.reasons import MEANINGS, Outcome, Reason

DATA = Path(pydicom.data.__file__).parent
FILES = DATA / "test_files"

ENDS: dict[Reason | None, str] = {
    None: """
        693_J2KI CT_small J2K_pixelrep_mismatch MR_small MR_small_RLE MR_small_bigendian MR_small_expb MR_small_implicit
        MR_small_jp2klossless MR_small_jpeg_ls_lossless MR_small_padded examples_overlay
        """,
    Reason.COLOR: "ExplVR_BigEnd examples_jpeg2k examples_palette examples_rgb_color examples_ybr_color",
    Reason.NOT_AN_IMAGE: "no_meta",
    Reason.NO_PIXELS: """
        ExplVR_BigEndNoMeta ExplVR_LitEndNoMeta empty_charset_LEI reportsi reportsi_with_empty_number_tags rtplan
        test-SR waveform_ecg
        """,
    Reason.RTDOSE: "badVR rtdose rtdose_1frame rtdose_expb rtdose_expb_1frame rtdose_rle rtdose_rle_1frame",
    Reason.RTSTRUCT: "rtstruct",
    Reason.SECONDARY_CAPTURE: """
        GDCMJ2K_TextGBR JPEG-lossy JPEG2000 JPEG2000-embedded-sequence-delimiter JPEGLSNearLossless_08
        JPEGLSNearLossless_16 JPGExtended SC_jpeg_no_color_transform SC_jpeg_no_color_transform_2 SC_rgb_dcmtk_+eb+cr
        SC_rgb_dcmtk_+eb+cy+n1 SC_rgb_dcmtk_+eb+cy+n2 SC_rgb_dcmtk_+eb+cy+np SC_rgb_dcmtk_+eb+cy+s2
        SC_rgb_dcmtk_+eb+cy+s4 SC_rgb_gdcm_KY SC_rgb_jls_lossy_line SC_rgb_jls_lossy_sample SC_rgb_jpeg
        SC_rgb_jpeg_app14_dcmd SC_rgb_jpeg_dcmd SC_rgb_jpeg_dcmtk SC_rgb_jpeg_gdcm SC_rgb_jpeg_lossy_gdcm SC_rgb_rle
        SC_rgb_rle_16bit SC_rgb_rle_16bit_2frame SC_rgb_rle_2frame SC_rgb_rle_32bit SC_rgb_rle_32bit_2frame
        SC_rgb_small_odd SC_rgb_small_odd_big_endian SC_rgb_small_odd_jpeg SC_ybr_full_422_uncompressed image_dfl
        """,
    Reason.TRUNCATED: "MR_truncated UN_sequence no_meta_group_length priv_SQ rtplan_truncated",
    Reason.UNREADABLE: "liver_1frame liver_expb_1frame meta_missing_tsyntax nested_priv_SQ",
}
"""Of every *.dcm at the top."""

TWINS = {
    "MR_small": "MR_small_RLE MR_small_jp2klossless MR_small_jpeg_ls_lossless MR_small_bigendian MR_small_expb "
    "MR_small_implicit MR_small_padded",
    "rtdose": "rtdose_rle rtdose_expb",
    "rtdose_1frame": "rtdose_rle_1frame rtdose_expb_1frame",
    "liver_1frame": "liver_expb_1frame",
    "JPGExtended": "JPEG-lossy",
}
"""One image in several syntaxes, the last with loss, of one codestream.  The twins of other files are in colour."""


@pytest.fixture(scope="module")
def child() -> object:
    with Child() as child:
        yield child


def headers(child: Child, paths: list[Path]) -> list[tuple[Header | None, Reason | None]]:
    return [(one.header, one.reason) for one in child.headers(paths)]


def read(child: Child, name: str) -> np.ndarray:
    path = FILES / f"{name}.dcm"
    ((header, _),) = headers(child, [path])
    assert header is not None
    return voxels.stored(path, header, child)


def test_how_each_file_ends(child: Child) -> None:
    expected = {name: reason for reason, names in ENDS.items() for name in names.split()}
    paths = sorted(FILES.glob("*.dcm"))
    assert {p.stem: reason for p, (_, reason) in zip(paths, headers(child, paths), strict=True)} == expected


def test_how_each_file_ends_that_lies_deeper_or_is_named_otherwise(child: Child) -> None:
    deeper = sorted(p for p in FILES.glob("dicomdirtests/**/*") if p.is_file())
    ends = Counter(reason for _, reason in headers(child, deeper))
    # The images of TINY_ALPHA have no pixel data, those of MR700 are projections, of CT2N localizers.
    images = {None: 22, Reason.TRUNCATED: 50, Reason.PROJECTION: 7, Reason.LOCALIZER: 2}
    assert ends == images | {Reason.DICOMDIR: 8, Reason.NOT_AN_IMAGE: 2}
    others = sorted(p for p in FILES.iterdir() if p.is_file() and p.suffix != ".dcm")
    assert {reason for _, reason in headers(child, others)} == {Reason.NOT_AN_IMAGE}
    palettes = sorted(DATA.glob("palettes/*.dcm"))
    assert {reason for _, reason in headers(child, palettes)} == {Reason.NO_PIXELS}


@pytest.mark.parametrize("name", TWINS)
def test_compressed_without_loss_is_the_native_image(child: Child, name: str) -> None:
    native = read(child, name)
    for twin in TWINS[name].split():
        np.testing.assert_array_equal(read(child, twin), native, err_msg=twin)
        assert read(child, twin).dtype == native.dtype


@pytest.mark.parametrize(
    "name", ["J2K_pixelrep_mismatch", "693_J2KI", "image_dfl", "JPEG2000", "JPEGLSNearLossless_16"]
)
def test_images_without_a_twin_as_simpleitk_reads_them(child: Child, name: str) -> None:
    path = FILES / f"{name}.dcm"
    ((header, _),) = headers(child, [path])
    assert header is not None
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    stored = voxels.stored(path, header, child)
    np.testing.assert_array_equal(stored * header.slope + header.intercept, image)


@pytest.mark.filterwarnings("ignore")
def test_every_file_is_accounted_for_and_what_is_accepted_converts(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    catalog = scan([FILES], vault)
    rows = catalog.files.to_pylist()
    assert len(rows) == sum(p.is_file() for p in FILES.rglob("*"))
    for row in rows:
        reason = Reason(row["reason"]) if row["reason"] else None
        assert reason is not Reason.INTERNAL
        assert row["outcome"] == (MEANINGS[reason].outcome if reason else None)
        assert row["outcome"] is not Outcome.CONVERTED
    accepted = [row for row in catalog.series.to_pylist() if row["verdict"] == "accepted"]
    assert len(accepted) >= 8
    with Child() as child:
        for row in accepted:
            made = convert(vault, row["volume_id"], row["edition"], child)
            assert made.geometry_error_mm < 0.01
