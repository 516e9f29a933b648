"""On whose voxels segmentations and structure sets lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.archive.derived_labels import Annotations, Target, is_annotation, link
from pipeline.archive.formats.annotation import RTSTRUCT, Annotation, Region
from pipeline.archive.formats.header import Header
from pipeline.archive.index import File
from pipeline.grid import Grid
from pipeline.reasons import Reason

SEG = "1.2.840.10008.5.1.4.1.1.66.4"
GRID = Grid(np.diag([2.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]].tolist(), (4, 5, 6))


def annotated(
    name: str,
    series: tuple[str, ...] = ("ct",),
    instances: tuple[str, ...] = (),
    frame: str = "room",
    z: float = 2.0,
    sop_class: str = SEG,
    also: tuple[float, ...] = (),
) -> File:
    """A segmentation of some frames, or a structure set of some contours, each on the slice at a z."""
    said = Annotation(series, instances, (Region(1),), tuple((0.0, 0.0, at) for at in (z, *also)))
    if sop_class == RTSTRUCT:
        said = said._replace(normal=(0.0, 0.0, 1.0))
    header = Header(
        format="dicom",
        instance=name,
        sop_class=sop_class,
        frame_of_reference=frame,
        shape=(1, 5, 6),
        orientation=(1, 0, 0, 0, 1, 0),
        spacing=(1, 1),
        annotation=said,
    )
    return File(name, name.encode(), 1, 2, header=header)


def target(*instances: str, series: str = "ct", frame: str = "room", z: float = 0.0, slices: int = 4) -> Target:
    frame_ = GRID.affine
    frame_[2, 3] = z
    return Target(series, frame, frozenset(instances), Grid(frame_.tolist(), (slices, 5, 6)))


def linked(volumes: list[Target], *files: File) -> list[list[tuple[str, str]]]:
    return [[(word, file.file_id) for word, file in own] for own in link(volumes, files)]


def test_instances_come_before_the_series() -> None:
    phases = [target("a", "b"), target("c", "d")]
    assert linked(phases, annotated("x", instances=("d", "elsewhere"))) == [[], [("seg", "x")]]
    assert linked(phases, annotated("x", instances=("elsewhere",))) == [[("seg", "x")], [("seg", "x")]]


@pytest.mark.parametrize(
    ("file", "lies"),
    [
        (annotated("x"), True),
        (annotated("x", series=("mr", "ct")), True),
        (annotated("x", series=("mr",)), False),
        (annotated("x", series=()), False),
        (annotated("x", series=(), instances=("a",), frame="other"), True),
        (annotated("x", frame="other"), False),
        (annotated("x", frame=""), False),
        (annotated("x", z=2.0098), True),
        (annotated("x", z=2.0102), False),
        (annotated("x", z=8.0), False),
        (annotated("x", z=2.0102, sop_class=RTSTRUCT), True),
        (annotated("x", z=8.0, sop_class=RTSTRUCT), False),
    ],
)
def test_one_volume(file: File, lies: bool) -> None:
    assert bool(linked([target("a")], file)[0]) == lies


def test_without_a_frame_of_reference_nothing_is_the_same_room() -> None:
    assert linked([target("a", frame="")], annotated("x", frame="")) == [[]]


def test_runs_of_one_series_share_it() -> None:
    both = annotated("x", instances=("a", "c", "e"), also=(21.0,))
    runs = [target("a"), target("c", z=19.0), target("e", z=40.0)]
    assert linked(runs, both) == [[("seg", "x")], [("seg", "x")], []]


def test_in_the_order_of_their_uids() -> None:
    files = [annotated("z"), annotated("b", sop_class=RTSTRUCT), annotated("a")]
    wanted = [[("seg", "a"), ("seg", "z"), ("rtstruct", "b")]]
    assert linked([target()], *files) == linked([target()], *files[::-1]) == wanted


def test_what_refers_to_what() -> None:
    files = [annotated("x", ("ct", "mr"), ("1", "2")), annotated("y", (), ("1", "3")), annotated("z", ())]
    known = Annotations.of(files, lambda file: file.file_id)
    assert known.refers == {"ct": ["x"], "mr": ["x"], "1": ["y"], "3": ["y"]}
    assert known.refused == {}
    by_name = {file.file_id: file for file in files}
    volumes = [None, target("1"), target("7", series="mr")]
    assert [[f.file_id for _, f in own] for own in known.link(volumes, by_name.get)] == [[], ["x", "y"], []]


@pytest.mark.parametrize(
    ("bytes_", "reasons"),
    [
        ("aa", {"2": Reason.DUPLICATE_SOP}),
        ("ab", dict.fromkeys("12", Reason.DUPLICATE_SOP_CONFLICT)),
        ("aab", dict.fromkeys("123", Reason.DUPLICATE_SOP_CONFLICT)),
        ("aba", dict.fromkeys("123", Reason.DUPLICATE_SOP_CONFLICT)),
        ("aaa", dict.fromkeys("23", Reason.DUPLICATE_SOP)),
    ],
)
def test_copies(bytes_: str, reasons: dict[str, Reason]) -> None:
    """None is right where any differs."""
    files = [replace(annotated("uid"), file_id=str(n)) for n, _ in enumerate(bytes_, 1)]
    known = Annotations.of(files, lambda file: bytes_[int(file.file_id) - 1])
    assert known.refused == reasons
    by_name = {file.file_id: file for file in files}
    (own,) = known.link([target()], by_name.get)
    assert [f.file_id for _, f in own] == sorted(set(by_name) - set(reasons))


def test_a_broken_one_is_one_still() -> None:
    assert is_annotation(File("x", b"", 1, 2, header=Header(format="dicom", sop_class=SEG)))
    assert not is_annotation(File("x", b"", 1, 2, header=Header(format="dicom")))
    assert not is_annotation(File("x", b"", 1, 2))
