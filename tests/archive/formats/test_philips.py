"""The scale of Philips is read where Philips states it, and changes no voxel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from pipeline.archive.formats import voxels
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.elements import Elements
from pipeline.archive.formats.philips import CREATOR, private_scale
from pipeline.archive.formats.rescale import rescaled
from tests.archive import makers
from tests.archive.formats.verdicts import accepted

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


@pytest.mark.system
def test_in_the_frames_of_an_enhanced_object(data: Callable[..., Path]) -> None:
    """Each frame has it in its item of (2005,140F), behind a creator of its own."""
    path = data("dicom2nifti-groundtruth") / "philips_enhanced" / "anatomical" / "001" / "IM-0001-0170-0001.dcm"
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    private = [frame[0x2005140F].value[0] for frame in ds.PerFrameFunctionalGroupsSequence]
    assert {private_scale(Elements.of(item)) for item in private} == {(SCALE, 0.0)}
