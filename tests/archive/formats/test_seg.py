"""DICOM segmentations: what they say, and their label maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.placement import fits
from pipeline.errors import Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.annotations import item, segment, segmentation

SHAPE = (5, 9, 13)  # 117 voxels a slice: frames of one bit do not begin at whole bytes


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as one:
        yield one


@pytest.fixture(scope="module", params=[False, True], ids=["straight", "oblique"])
def images(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Grid]:
    folder = tmp_path_factory.mktemp("images")
    paths = makers.ct_series(folder, SHAPE[0], SHAPE[1:], oblique=request.param)
    return paths, Grid(makers.affine(oblique=request.param).tolist(), SHAPE)


def masks(*numbers: int, seed: int = 0, density: float = 0.3) -> dict[int, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {n: rng.random(SHAPE) < density for n in numbers}


def header(child: Child, path: Path, reason: Reason = Reason.SEGMENTATION) -> Header:
    answer = next(child.headers([path]))
    assert answer.reason is reason
    assert answer.header is not None
    assert Header.from_json(answer.header.to_json()) == answer.header
    return answer.header


def labels(child: Child, path: Path, grid: Grid) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    drawn = child.drawn(path, header(child, path), grid)
    return list(drawn.maps), list(drawn.values)


def test_segments_that_overlap(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    own = masks(1, 4, 7)
    own[9] = ~(own[1] | own[4])  # beside the first two, on neither
    own[1][2] = False
    maps, values = labels(child, segmentation(tmp_path / "seg.dcm", paths, own), grid)
    assert values == [(1, 9), (4,), (7,)]
    for one, inside in zip(maps, values, strict=True):
        assert set(np.unique(one)) - {0} == set(inside)
        for number in inside:
            np.testing.assert_array_equal(one == number, own[number])


def test_what_is_said(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    one = header(child, segmentation(tmp_path / "seg.dcm", paths, masks(3, 2), labels={2: "Jane's liver"}))
    said = one.annotation
    assert said is not None
    assert [(r.number, r.code, r.category) for r in said.regions] == [
        (2, "10200004", "85756007"),
        (3, "10200004", "85756007"),
    ]
    assert said.regions[0].name == "Jane's liver"
    assert said.series == (dcmread(paths[0]).SeriesInstanceUID,)
    assert set(said.instances) == {dcmread(path).SOPInstanceUID for path in paths}
    assert len(said.planes) == SHAPE[0]
    assert fits(grid, one)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_syntaxes(child: Child, images: tuple[list[Path], Grid], tmp_path: Path, syntax: str) -> None:
    paths, grid = images
    own = masks(1)
    (one,), _ = labels(child, segmentation(tmp_path / "seg.dcm", paths, own, syntax=syntax), grid)
    np.testing.assert_array_equal(one, own[1])


@pytest.mark.parametrize("numbers", [(1, 2, 200), (1, 300)])
@pytest.mark.parametrize("rle", [False, True])
def test_a_label_map(
    child: Child, images: tuple[list[Path], Grid], tmp_path: Path, numbers: tuple[int, ...], rle: bool
) -> None:
    paths, grid = images
    values = np.random.default_rng(1).choice([0, *numbers], SHAPE)
    path = segmentation(tmp_path / "seg.dcm", paths, {n: values == n for n in numbers}, "LABELMAP")
    if rle:
        made = dcmread(path)
        made.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
        made.save_as(path)
    (one,), inside = labels(child, path, grid)
    np.testing.assert_array_equal(one, values)
    assert one.dtype == ("u1" if max(numbers) < 256 else "u2")
    assert inside == [numbers]


def test_a_fraction_counts_from_one_half(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    own = np.random.default_rng(1).integers(0, 201, SHAPE).astype("u1")
    own.reshape(-1)[:3] = 99, 100, 101
    (one,), _ = labels(child, segmentation(tmp_path / "seg.dcm", paths, {1: own}, "FRACTIONAL"), grid)
    np.testing.assert_array_equal(one, own >= 100)


@pytest.mark.parametrize("start", [(0, 0), (2, 3), (-2, 5)])
def test_a_part_of_the_voxels(
    child: Child, images: tuple[list[Path], Grid], tmp_path: Path, start: tuple[int, int]
) -> None:
    """The same voxels, cropped in the plane; what lies beyond the image is left out."""
    paths, grid = images
    own = np.random.default_rng(2).random((SHAPE[0], 4, 6)) < 0.5
    path = segmentation(tmp_path / "seg.dcm", paths, {1: own}, start=start)
    wanted = np.zeros((SHAPE[0], 20, 20), "u1")
    wanted[:, 5 + start[0] : 9 + start[0], 5 + start[1] : 11 + start[1]] = own
    assert fits(grid, header(child, path))
    (one,), _ = labels(child, path, grid)
    np.testing.assert_array_equal(one, wanted[:, 5 : 5 + SHAPE[1], 5 : 5 + SHAPE[2]])


def test_slices_that_the_volume_lacks(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    own = masks(1)
    path = segmentation(tmp_path / "seg.dcm", paths, own)
    part = Grid(grid.crop((1, 0, 0), (4, *SHAPE[1:])).affine.tolist(), (3, *SHAPE[1:]))
    assert fits(part, header(child, path))
    (one,), _ = labels(child, path, part)
    np.testing.assert_array_equal(one, own[1][1:4])
    beyond = Grid(grid.crop((50, 0, 0), (60, *SHAPE[1:])).affine.tolist(), (10, *SHAPE[1:]))
    assert not fits(beyond, header(child, path))


def moved(grid: Grid, mm: tuple[float, float, float]) -> Grid:
    """Along k, j, i."""
    frame = grid.affine
    frame[:3, 3] += sum(frame[:3, axis] / np.linalg.norm(frame[:3, axis]) * d for axis, d in enumerate(mm))
    return Grid(frame.tolist(), grid.shape)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize(("off", "on"), [(0.0098, True), (0.0102, False)])
def test_a_hundredth_of_a_millimetre(
    child: Child, images: tuple[list[Path], Grid], tmp_path: Path, axis: int, off: float, on: bool
) -> None:
    paths, grid = images
    path = segmentation(tmp_path / "seg.dcm", paths, masks(1))
    other = moved(grid, tuple(off if a == axis else 0.0 for a in range(3)))  # type: ignore[arg-type]
    assert fits(other, header(child, path)) == on
    if not on:
        with pytest.raises(Quarantine) as refused:
            child.drawn(path, header(child, path), other)
        assert refused.value.reason is Reason.ORPHAN_LABELS


def test_another_spacing_is_another_grid(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    path = segmentation(tmp_path / "seg.dcm", paths, masks(1))
    stretched = grid.affine
    stretched[:3, 2] *= 1 + 0.0102 / (0.8 * (SHAPE[2] - 1))
    assert not fits(Grid(stretched.tolist(), SHAPE), header(child, path))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SegmentationType": "SURFACE"}, Reason.UNREADABLE),
        ({"SegmentationType": None}, Reason.UNREADABLE),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, Reason.TRUNCATED),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": bytes(586)}, Reason.UNREADABLE),
        ({"NumberOfFrames": 3}, Reason.UNREADABLE),
        ({"SegmentSequence": [segment(5)]}, Reason.UNREADABLE),
        ({"SegmentSequence": [segment(1), segment(1)]}, Reason.UNREADABLE),
        ({"SegmentSequence": [segment(0), segment(1)]}, Reason.UNREADABLE),
        ({"SegmentSequence": None}, Reason.UNREADABLE),
        ({"PixelData": b"\0\0"}, Reason.TRUNCATED),
        ({"PixelData": None}, Reason.TRUNCATED),
        ({"SharedFunctionalGroupsSequence": None}, Reason.ORPHAN_LABELS),
        ({"Rows": 65535, "Columns": 65535, "NumberOfFrames": 2**31 - 1}, Reason.BOMB_DECLARED),
        ({"syntax": ExplicitVRBigEndian}, Reason.UNSUPPORTED_TS),
    ],
)
def test_refused(child: Child, tmp_path: Path, change: dict[str, Any], reason: Reason) -> None:
    paths = makers.ct_series(tmp_path / "ct", 5, SHAPE[1:])
    path = segmentation(tmp_path / "seg.dcm", paths, masks(1), **change)
    assert header(child, path, reason).annotation is None


def test_frames_that_are_not_parallel(child: Child, tmp_path: Path) -> None:
    paths = makers.ct_series(tmp_path / "ct", 5, SHAPE[1:])
    path = segmentation(tmp_path / "seg.dcm", paths, masks(1))
    made = dcmread(path)
    made.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = [
        item(ImageOrientationPatient=[0, 1, 0, 0, 0, 1])
    ]
    made.save_as(path)
    header(child, path, Reason.ORPHAN_LABELS)


def test_a_label_that_no_segment_describes(child: Child, tmp_path: Path) -> None:
    paths = makers.ct_series(tmp_path / "ct", 5, SHAPE[1:])
    path = segmentation(tmp_path / "seg.dcm", paths, masks(1, 2), "LABELMAP", SegmentSequence=[segment(1)])
    with pytest.raises(Quarantine) as refused:
        child.drawn(path, header(child, path), Grid(makers.affine().tolist(), SHAPE))
    assert refused.value.reason is Reason.DECODE_FAIL


def test_truncated_anywhere(child: Child, tmp_path: Path) -> None:
    """The header is known or not; a cut segmentation is never one that can be drawn."""
    paths = makers.ct_series(tmp_path / "ct", 5, SHAPE[1:])
    whole = segmentation(tmp_path / "seg.dcm", paths, masks(1)).read_bytes()
    cut = []
    for n in range(1, 40):
        path = tmp_path / f"{n}.dcm"
        path.write_bytes(whole[: len(whole) * n // 40])
        cut.append(path)
    for answer in child.headers(cut):
        assert answer.reason not in (None, Reason.SEGMENTATION)
        assert answer.header is None or answer.header.annotation is None
