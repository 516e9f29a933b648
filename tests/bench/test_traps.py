"""Each trap has the one fault that it says, and the truth about it is that of pydicom."""

from __future__ import annotations

from collections import Counter
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from pipeline.bench.source import bundled
from pipeline.bench.traps import TRAPS, Trap
from pipeline.bench.truth import Slice
from tests.bench.series import small

BY_NAME = {trap.name: trap for trap in TRAPS}


def made(name: str) -> tuple[list[Slice], list[Dataset]]:
    slices = BY_NAME[name].slices(small())
    return slices, [dcmread(BytesIO(one.data)) for one in slices]


def along(images: list[Dataset]) -> np.ndarray:
    return np.array([float(image.ImagePositionPatient[2]) for image in images])


def test_twelve_of_them_are_the_scoreboard() -> None:
    assert sum(trap.main for trap in TRAPS) == 12
    assert len({trap.name for trap in TRAPS} | {trap.what for trap in TRAPS}) == 2 * len(TRAPS)
    assert [trap.main for trap in TRAPS] == sorted((trap.main for trap in TRAPS), reverse=True)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_the_truth_is_what_the_file_says_where_it_says_so(trap: Trap) -> None:
    source = small()
    before = [image.to_json() for image in source]
    for one in trap.slices(source):
        image = dcmread(BytesIO(one.data))
        if one.whole:
            values = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
            assert np.array_equal(values, one.pixels)
        if "ImagePositionPatient" in image:
            row, column = np.reshape(np.array(image.ImageOrientationPatient, float), (2, 3))
            j, i = map(float, image.PixelSpacing)
            far = np.array(image.ImagePositionPatient, float) + 3 * j * column + 7 * i * row
            assert np.allclose(one.place.at(np.array([[3, 7]])), far, rtol=0, atol=1e-9)
            assert np.dot(row, column) == pytest.approx(0, abs=1e-8)
    assert [image.to_json() for image in source] == before


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_every_slice_can_be_told_by_its_pixels(trap: Trap) -> None:
    slices = trap.slices(small())
    kinds = {one.pixels.tobytes() for one in slices}
    assert len(kinds) == len(slices) - (trap.name == "duplicate-file")


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_the_same_source_gives_the_same_bytes(trap: Trap) -> None:
    assert [one.data for one in trap.slices(small())] == [one.data for one in trap.slices(small())]


def test_gaps() -> None:
    assert Counter(np.diff(along(made("missing-one")[1])).round(6)) == {2.5: 9, 5.0: 1}
    assert Counter(np.diff(along(made("missing-five")[1])).round(6)) == {2.5: 5, 15.0: 1}
    assert set(np.diff(along(made("jitter")[1])).round(6)) == {2.75, 2.25}
    assert Counter(np.diff(along(made("two-regimes")[1])).round(6)) == {2.5: 6, 5.0: 5}
    assert set(np.diff(along(made("rounding")[1])).round(6)) == {2.5005, 2.4995}


def test_copies() -> None:
    for name, uids, places in (
        ("duplicate-file", 12, 12),
        ("duplicate-position", 13, 12),
        ("conflict", 12, 12),
        ("two-phases", 24, 12),
    ):
        _, images = made(name)
        assert len({image.SOPInstanceUID for image in images}) == uids, name
        assert len({tuple(image.ImagePositionPatient) for image in images}) == places, name


@pytest.mark.parametrize(
    ("name", "degrees", "tag"), [("tilt", 15, 0), ("tilt-tagged", 15, 15), ("tilt-back", -15, -15)]
)
def test_tilt(name: str, degrees: float, tag: float) -> None:
    slices, images = made(name)
    step = slices[1].place.corner - slices[0].place.corner
    down = slices[0].place.down
    lean = 90 - np.degrees(np.arccos(step @ down / np.linalg.norm(step) / np.linalg.norm(down)))
    assert -lean == pytest.approx(degrees, abs=1e-6)
    assert {float(image.GantryDetectorTilt) for image in images} == {tag}


def test_mixtures() -> None:
    for name, kinds in (
        ("localizer", {"ImageOrientationPatient": 2, "ImageType": 2}),
        ("mixed-spacing", {"PixelSpacing": 2}),
        ("mixed-size", {"Rows": 2, "Columns": 1}),
        ("mixed-orientation", {"ImageOrientationPatient": 2}),
        ("rescale", {"RescaleIntercept": 12}),
    ):
        _, images = made(name)
        assert {key: len({str(image[key].value) for image in images}) for key in kinds} == kinds, name
        assert len({image.SeriesInstanceUID for image in images}) == 1


def test_what_is_taken_away() -> None:
    slices, images = made("no-positions")
    assert not any("ImagePositionPatient" in image or "ImageOrientationPatient" in image for image in images)
    assert [one.place.corner[2] for one in slices] == along(small()).tolist()
    (cut,) = (one for one in BY_NAME["truncated"].slices(small()) if not one.whole)
    assert 0 < len(dcmread(BytesIO(cut.data)).PixelData) < len(small()[0].PixelData)


def test_order() -> None:
    assert [int(i.InstanceNumber) for i in made("numbers-reversed")[1]] == list(range(12, 0, -1))
    assert {i.InstanceNumber for i in made("numbers-absent")[1]} == {None}
    shuffled = along(made("names-shuffled")[1]).tolist()
    assert shuffled != sorted(shuffled)
    assert sorted(shuffled) == along(small()).tolist()


def test_an_oblique_stack_is_regular_and_straight() -> None:
    slices, _ = made("oblique")
    steps = np.diff([one.place.corner for one in slices], axis=0)
    normal = np.cross(slices[0].place.right, slices[0].place.down)
    assert np.allclose(steps, steps[0], atol=2e-6)
    assert np.allclose(np.cross(steps[0], normal), 0, atol=1e-5)
    assert np.abs(normal / np.linalg.norm(normal)).max() < 0.95


def test_the_bundled_source_is_real_and_regular() -> None:
    images = bundled()
    assert len(images) == 20
    assert np.allclose(np.diff(along(images)), 2.5)
    assert len({image.pixel_array.tobytes() for image in images}) == 20
    assert {tuple(sorted(image.pixel_array.ravel())[:5]) for image in images} == {
        tuple(sorted(images[0].pixel_array.ravel())[:5])
    }
