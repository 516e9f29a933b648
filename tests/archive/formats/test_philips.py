"""The scale of Philips is read where Philips states it, and changes no voxel."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from pipeline.archive.formats import voxels
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.philips import scale_of_frame
from pipeline.archive.formats.rescale import rescaled
from tests.archive import makers
from tests.archive.formats.verdicts import accepted

CREATOR = "Philips MR Imaging DD 001"
SCALE = 0.0002765719254966825


def scaled(slope: float | None = SCALE, intercept: float | None = 0.0, creator: str | None = CREATOR) -> Any:
    def edit(k: int, ds: Dataset) -> None:
        for tag, vr, value in ((0x20050010, "LO", creator), (0x2005100D, "FL", intercept), (0x2005100E, "FL", slope)):
            if value is not None:
                ds.add_new(tag, vr, value)

    return edit


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", str(ImplicitVRLittleEndian), str(ExplicitVRBigEndian)])
def test_both_scales_are_kept_and_the_standard_one_is_applied(tmp_path: Path, child: Child, syntax: str) -> None:
    (path,) = makers.ct_series(
        tmp_path, n=1, syntax=syntax, Modality="MR", RescaleSlope="1.5", intercept=3, edit=scaled(intercept=7)
    )
    header = accepted(child, path)
    assert header.private_scale == (float(np.float32(SCALE)), 7.0)
    stored = voxels.stored(path, header, child)
    expected = makers.voxels((1, 32, 32)) * 1.5 + 3
    np.testing.assert_array_equal(rescaled(stored, header.slope, header.intercept), expected.astype("f4"))


@pytest.mark.parametrize(
    "edit",
    [
        scaled(creator=None),
        scaled(creator="Philips Imaging DD 001"),
        scaled(creator="SIEMENS MR HEADER"),
        scaled(slope=None),
        scaled(intercept=None),
        scaled(slope=0.0),
        scaled(slope=-1.0),
        scaled(slope=float("inf")),
        scaled(intercept=float("nan")),
    ],
)
def test_what_philips_does_not_state_is_not_read(tmp_path: Path, child: Child, edit: Any) -> None:
    (path,) = makers.ct_series(tmp_path, n=1, Modality="MR", edit=edit)
    assert accepted(child, path).private_scale is None


@pytest.mark.parametrize("block", [0x10, 0x11, 0xE1])
def test_the_block_of_a_creator_may_be_any(tmp_path: Path, child: Child, block: int) -> None:
    def edit(k: int, ds: Dataset) -> None:
        private = ds.private_block(0x2005, CREATOR, create=True) if block == 0x10 else None
        for offset, value in ((0x0D, 7.0), (0x0E, 0.5)):
            if private is not None:
                private.add_new(offset, "FL", value)
            else:
                ds.add_new(0x20050000 + block, "LO", CREATOR)
                ds.add_new(0x20050000 + (block << 8) + offset, "FL", value)

    (path,) = makers.ct_series(tmp_path, n=1, Modality="MR", edit=edit)
    assert accepted(child, path).private_scale == (0.5, 7.0)


@pytest.mark.parametrize(("creator", "scale"), [(CREATOR, (0.5, 7.0)), ("Philips Imaging DD 001", None), ("", None)])
def test_an_item_names_its_creators_itself(creator: str, scale: tuple[float, float] | None) -> None:
    values = {0x20050010: creator.encode(), 0x2005100D: struct.pack("<f", 7), 0x2005100E: struct.pack("<f", 0.5)}
    raw = {tag: RawDataElement(Tag(tag), None, len(v), v, 0, True, True) for tag, v in values.items()}
    assert scale_of_frame(Elements(raw)) == scale


@pytest.mark.system
@pytest.mark.parametrize(
    ("name", "scales"),
    [
        ("dicom2nifti-groundtruth/philips_enhanced/anatomical/001/IM-0001-0170-0001.dcm", {(SCALE, 0.0)}),
        ("dcm_qa_enh/In/Philips/IM_0027_fMAP.dcm", {(8.448640073766e-06, 0.0), (4.095, 2047.5)}),
    ],
)
def test_in_the_frames_of_an_enhanced_object(
    data: Callable[..., Path], child: Child, name: str, scales: set[tuple[float, float]]
) -> None:
    folder, _, below = name.partition("/")
    (parsed,) = child.headers([data(folder) / below])
    assert parsed.header is not None
    frames = parsed.header.frames
    stated = sorted({frame.private_scale or (0.0, 0.0) for frame in frames})
    assert stated == [pytest.approx(scale, rel=1e-6) for scale in sorted(scales)]
    assert parsed.header.part(1).private_scale == frames[1].private_scale
    for frame in frames:
        # Both formulas of the documentation give the same: (stored - SI) / SS and displayed / (RS SS).
        assert frame.private_scale is not None
        slope, intercept = frame.private_scale
        assert frame.intercept == pytest.approx(-frame.slope * intercept, rel=1e-6)
        assert slope > 0
