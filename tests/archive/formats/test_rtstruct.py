"""Structure sets: what they say, and their label maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from skimage.draw import polygon2mask

from pipeline.archive.formats import rtstruct
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.limits import Limits
from pipeline.archive.formats.placement import fits
from pipeline.errors import Quarantine
from pipeline.grid import Grid
from pipeline.reasons import Reason
from tests.archive import makers
from tests.archive.annotations import code, contour, item, structure_set

SHAPE = (6, 40, 50)


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as one:
        yield one


@pytest.fixture(scope="module", params=[False, True], ids=["straight", "oblique"])
def images(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Grid]:
    paths = makers.ct_series(tmp_path_factory.mktemp("images"), SHAPE[0], SHAPE[1:], oblique=request.param)
    return paths, Grid(makers.affine(oblique=request.param).tolist(), SHAPE)


def ring(seed: int, n: int = 60) -> np.ndarray:
    """(n, 2): (j, i) of a star about the middle, no vertex twice as printed."""
    rng = np.random.default_rng(seed)
    angles, radii = np.sort(rng.uniform(0, 2 * np.pi, n)), rng.uniform(6, 18, n)
    return np.stack([20.3 + radii * np.sin(angles), 25.2 + radii * np.cos(angles)], axis=1)


def square(low: float, high: float) -> np.ndarray:
    return np.array([(low, low), (low, high), (high, high), (high, low)])


def placed(grid: Grid, k: float, points: np.ndarray) -> np.ndarray:
    """(n, 3) LPS mm of (j, i) on slice k."""
    return np.array([grid.position((k, j, i)) for j, i in points])


def on(grid: Grid, k: float, points: np.ndarray, **more: Any) -> Dataset:
    return contour(placed(grid, k, points), **more)


def header(child: Child, path: Path, reason: Reason = Reason.RTSTRUCT) -> Header:
    answer = next(child.headers([path]))
    assert answer.reason is reason
    assert answer.header is not None
    assert Header.from_json(answer.header.to_json()) == answer.header
    return answer.header


def labels(child: Child, path: Path, grid: Grid) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    one = header(child, path)
    assert fits(grid, one)
    drawn = child.drawn(path, one, grid)
    return list(drawn.maps), list(drawn.values)


def test_as_scikit_image(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    rings = {k: ring(k) for k in (1, 2, 4)}
    path = structure_set(tmp_path / "rs.dcm", paths, {7: [on(grid, k, own) for k, own in rings.items()]})
    (one,), values = labels(child, path, grid)
    assert values == [(1,)]
    for k in range(SHAPE[0]):
        wanted = polygon2mask(SHAPE[1:], rings[k]) if k in rings else np.zeros(SHAPE[1:])
        np.testing.assert_array_equal(one[k], wanted)


def test_numbers_and_overlaps(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    """Points and open lines enclose nothing; what is left is numbered by ROI Number."""
    paths, grid = images
    outer, inner, beside = square(5.5, 30.5), square(10.5, 20.5), square(31.5, 36.5)
    rois = {
        12: [on(grid, 2, inner)],
        3: [on(grid, 2, outer)],
        5: [on(grid, 2, inner[:1], kind="POINT")],
        30: [on(grid, 2, beside), on(grid, 2, inner, kind="OPEN_PLANAR")],
    }
    path = structure_set(tmp_path / "rs.dcm", paths, rois, names={3: "Body"}, kinds={3: "EXTERNAL"})
    said = header(child, path).annotation
    assert said is not None
    assert [(r.number, r.name, r.kind) for r in said.regions] == [
        (1, "Body", "EXTERNAL"),
        (2, "roi 12", ""),
        (3, "roi 30", ""),
    ]
    maps, values = labels(child, path, grid)
    assert values == [(1, 3), (2,)]
    assert [(one[2] == n).sum() for one, n in ((maps[0], 1), (maps[1], 2), (maps[0], 3))] == [625, 100, 25]


def test_holes(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    """Two contours of one plane, and a keyhole."""
    paths, grid = images
    outer, inner = square(5.5, 30.5), square(10.5, 20.5)
    keyhole = np.concatenate([outer, outer[:1], inner[::-1], inner[-1:]])
    hole = [on(grid, 1, outer), on(grid, 1, inner, kind="CLOSEDPLANAR_XOR")]
    path = structure_set(tmp_path / "rs.dcm", paths, {1: hole, 2: [on(grid, 3, keyhole)]})
    (one,), _ = labels(child, path, grid)
    assert (one[1] == 1).sum() == 625 - 100
    np.testing.assert_array_equal(one[1] == 1, one[3] == 2)


def test_two_planes_in_one_slice_are_united(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    path = structure_set(
        tmp_path / "rs.dcm", paths, {1: [on(grid, 1.7, square(5.5, 20.5)), on(grid, 2.3, square(5.5, 20.5))]}
    )
    (one,), _ = labels(child, path, grid)
    assert (one[2] == 1).sum() == 225


@pytest.mark.parametrize(("k", "slice_"), [(2.02, 2), (1.51, 2), (2.49, 2), (2.51, 3)])
def test_the_nearest_slice(
    child: Child, images: tuple[list[Path], Grid], tmp_path: Path, k: float, slice_: int
) -> None:
    paths, grid = images
    (one,), _ = labels(child, structure_set(tmp_path / "rs.dcm", paths, {1: [on(grid, k, ring(3))]}), grid)
    assert np.flatnonzero(one.any((1, 2))).tolist() == [slice_]
    np.testing.assert_array_equal(one[slice_], polygon2mask(SHAPE[1:], ring(3)))


def test_beyond_the_volume(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    rois = {1: [on(grid, k, ring(0)) for k in (-3, 5, 8)]}
    (one,), _ = labels(child, structure_set(tmp_path / "rs.dcm", paths, rois), grid)
    assert np.flatnonzero(one.any((1, 2))).tolist() == [5]
    path = structure_set(tmp_path / "far.dcm", paths, {1: [on(grid, 8, ring(0))]})
    assert not fits(grid, header(child, path))


def test_contours_across_the_slices(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    points = np.array([grid.position((k, j, 20)) for k, j in square(1, 4)])
    path = structure_set(tmp_path / "rs.dcm", paths, {1: [contour(points)]})
    assert not fits(grid, header(child, path))
    with pytest.raises(Quarantine) as refused:
        child.drawn(path, header(child, path), grid)
    assert refused.value.reason is Reason.ORPHAN_LABELS


@pytest.mark.parametrize(("lift", "lies"), [(0.2, True), (0.3, False)])
def test_how_flat_a_contour_must_be(
    child: Child, images: tuple[list[Path], Grid], tmp_path: Path, lift: float, lies: bool
) -> None:
    """A quarter of a slice, for a point of one beside a larger contour, which says how all lie; turned, it is less."""
    paths, grid = images
    step = np.array(grid.position((lift, 0, 0))) - grid.position((0, 0, 0))
    flat, points = placed(grid, 1, square(1.5, 38.5)), placed(grid, 2, square(5.5, 20.5))
    points[0] += step
    path = structure_set(tmp_path / "point.dcm", paths, {1: [contour(flat), contour(points)]})
    assert fits(grid, header(child, path)) == lies
    if lies:
        assert child.drawn(path, header(child, path), grid).maps[0][2].sum() == 225
    points = placed(grid, 2, square(5.5, 20.5))
    points[1:3] += step * 0.75
    path = structure_set(tmp_path / "turned.dcm", paths, {1: [contour(points)]})
    assert fits(grid, header(child, path)) == lies


def test_what_it_refers_to(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    first = dcmread(paths[0])
    path = structure_set(tmp_path / "rs.dcm", paths, {1: [on(grid, 0, ring(0))]}, FrameOfReferenceUID="1.2.3")
    said = header(child, path)
    assert said.frame_of_reference == first.FrameOfReferenceUID
    assert said.annotation is not None
    assert (said.annotation.series, said.annotation.instances) == ((first.SeriesInstanceUID,), ())
    named = structure_set(tmp_path / "named.dcm", paths, {1: [on(grid, 0, ring(0), image=first.SOPInstanceUID)]})
    annotation = header(child, named).annotation
    assert annotation is not None
    assert annotation.instances == (first.SOPInstanceUID,)


def test_an_identification_code(child: Child, images: tuple[list[Path], Grid], tmp_path: Path) -> None:
    paths, grid = images
    observed = item(ReferencedROINumber=1, RTROIIdentificationCodeSequence=[code("10200004", "SCT", "Liver")])
    path = structure_set(tmp_path / "rs.dcm", paths, {1: [on(grid, 0, ring(0))]}, RTROIObservationsSequence=[observed])
    annotation = header(child, path).annotation
    assert annotation is not None
    assert annotation.regions[0].code == "10200004"


FLAT = np.array([(0, 0, 0), (0, 9, 0), (9, 9, 0)])


def changed(**values: Any) -> Dataset:
    made = contour(FLAT)
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    ("contours", "reason"),
    [
        ([], Reason.NO_REGIONS),
        ([contour(FLAT, kind="OPEN_NONPLANAR")], Reason.NO_REGIONS),
        ([contour(FLAT[:1])], Reason.NO_REGIONS),
        ([contour(FLAT * 0)], Reason.NO_REGIONS),
        ([changed(NumberOfContourPoints=4)], Reason.UNREADABLE),
        ([changed(NumberOfContourPoints=None)], Reason.UNREADABLE),
        ([changed(ContourData=["1e7", "0", "0"] * 3)], Reason.UNREADABLE),
        ([changed(ContourData=["0", "0"] * 4)], Reason.UNREADABLE),
        ([changed(ContourOffsetVector=[0, 0, 1])], Reason.UNREADABLE),
        ([changed(ContourOffsetVector=[0, 0, 0])], Reason.RTSTRUCT),
        ([contour(FLAT)], Reason.RTSTRUCT),
    ],
)
def test_refused(child: Child, tmp_path: Path, contours: list[Dataset], reason: Reason) -> None:
    paths = makers.ct_series(tmp_path / "ct", 3, (8, 8))
    path = structure_set(tmp_path / "rs.dcm", paths, {1: contours})
    assert (header(child, path, reason).annotation is None) == (reason is not Reason.RTSTRUCT)


def test_contours_of_a_roi_that_is_not_there(child: Child, tmp_path: Path) -> None:
    paths = makers.ct_series(tmp_path / "ct", 3, (8, 8))
    path = structure_set(tmp_path / "rs.dcm", paths, {1: [contour(FLAT)]}, StructureSetROISequence=[])
    header(child, path, Reason.UNREADABLE)


def test_several_frames_of_reference(child: Child, tmp_path: Path) -> None:
    paths = makers.ct_series(tmp_path / "ct", 3, (8, 8))
    rois = [item(ROINumber=n, ReferencedFrameOfReferenceUID=f"1.2.{n}", ROIName="x") for n in (1, 2)]
    path = structure_set(
        tmp_path / "rs.dcm", paths, {1: [contour(FLAT)], 2: [contour(FLAT)]}, StructureSetROISequence=rois
    )
    header(child, path, Reason.MIXED_FRAME)


def test_too_many_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = makers.ct_series(tmp_path / "ct", 3, (8, 8))
    path = structure_set(tmp_path / "rs.dcm", paths, {1: [contour(FLAT)], 2: [contour(FLAT)]})
    monkeypatch.setattr(rtstruct, "MOST_POINTS", 5)
    with path.open("rb") as file, pytest.raises(Quarantine) as refused:
        rtstruct.described(file, Header(format="dicom"), Limits())
    assert refused.value.reason is Reason.BOMB_DECLARED


def test_truncated_anywhere(child: Child, tmp_path: Path) -> None:
    """Cut between two elements, a structure set has lost what it is made of; it is never drawn with less."""
    paths = makers.ct_series(tmp_path / "ct", 3, (8, 8))
    path = structure_set(tmp_path / "rs.dcm", paths, {1: [contour(FLAT)], 2: [contour(FLAT)]})
    whole = path.read_bytes()
    cut = []
    for n in range(1, len(whole), 7):
        cut.append(tmp_path / f"{n}.dcm")
        cut[-1].write_bytes(whole[:n])
    drawable = header(child, path).annotation
    for answer in child.headers(cut):
        if answer.reason is Reason.RTSTRUCT:
            assert answer.header is not None
            assert answer.header.annotation is not None
            assert [r[:2] for r in answer.header.annotation.regions] == [r[:2] for r in drawable.regions]  # type: ignore[union-attr]
