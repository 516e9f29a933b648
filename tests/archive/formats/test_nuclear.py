"""Tomograms of nuclear medicine: slices lie where the reconstruction module says; other frames have no place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.sequence import Sequence as Items

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.voxels import stored
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.formats.verdicts import accepted, refused
from tests.archive.multiframe import item, tomogram

VOLUME = makers.voxels((6, 8, 8))


@pytest.mark.parametrize("spacing", [2.5, -2.5])
def test_slices_follow_the_sign_of_the_spacing(tmp_path: Path, child: Child, spacing: float) -> None:
    path = tomogram(tmp_path / "a.dcm", VOLUME, SpacingBetweenSlices=spacing)
    header = accepted(child, path)
    assert [frame.position for frame in header.frames] == [(-12.5, 20.25, 100 + spacing * k) for k in range(6)]
    assert header.part(5).orientation == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert header.part(5).spacing == (0.8, 0.8)
    assert np.array_equal(stored(path, header, child, parts=[5, 1]), VOLUME[[5, 1]])


def test_time_slots_are_temporal_positions(tmp_path: Path, child: Child) -> None:
    header = accepted(child, tomogram(tmp_path / "a.dcm", VOLUME, slots=2))
    assert [frame.facets.temporal_position for frame in header.frames] == [1, 1, 1, 2, 2, 2]
    assert [frame.position for frame in header.frames[:3]] == [frame.position for frame in header.frames[3:]]


DETECTOR = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"]}, Reason.MULTIFRAME),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"]}, Reason.MULTIFRAME),
        ({"SpacingBetweenSlices": None}, Reason.MULTIFRAME),
        ({"SpacingBetweenSlices": 0}, Reason.MULTIFRAME),
        ({"SliceVector": None}, Reason.MULTIFRAME),
        ({"SliceVector": [1, 2, 3]}, Reason.MULTIFRAME),
        ({"SliceVector": [0, 1, 2, 3, 4, 5]}, Reason.MULTIFRAME),
        ({"TimeSlotVector": [1, 1]}, Reason.MULTIFRAME),
        ({"EnergyWindowVector": [1, 1, 1, 1, 1, 1]}, None),
        ({"EnergyWindowVector": [1, 1, 1, 2, 2, 2]}, Reason.MULTIFRAME),
        ({"DetectorInformationSequence": None}, Reason.MULTIFRAME),
        ({"DetectorInformationSequence": Items([item(DETECTOR), item(DETECTOR)])}, Reason.MULTIFRAME),
        ({"DetectorInformationSequence": Items([item({**DETECTOR, "ImagePositionPatient": None})])}, Reason.MULTIFRAME),
        ({"Modality": "US"}, Reason.MULTIFRAME),
        ({"Modality": "XA"}, Reason.MULTIFRAME),
    ],
)
def test_reasons(tmp_path: Path, child: Child, facts: dict[str, Any], reason: Reason | None) -> None:
    assert refused(child, tomogram(tmp_path / "a.dcm", VOLUME, **facts)) is reason
