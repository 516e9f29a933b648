"""Label maps: which files they are, whose they are, what they are called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.archive.formats.header import Header
from pipeline.archive.index import File
from pipeline.archive.labels import DEFAULT_LABELS, link, word


def file(name: str, shape: tuple[int, int, int] = (4, 5, 6), frame: np.ndarray | None = None) -> File:
    frame = np.diag([3.0, 2.0, 1.0, 1.0]) if frame is None else frame
    header = Header(format="nifti", shape=shape, affine=tuple(map(float, np.ravel(frame))))
    return File(name, f"/archive/{name}".encode(), 1, 2, header=header)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CT_mask.nii.gz", "mask"),
        ("a_SEG.nrrd", "seg"),
        ("sub-01_dseg.nii", "dseg"),
        ("brain1_label.nrrd", "label"),
        ("LabelMap.mha", "label"),
        ("mask.nii.gz", None),
        ("CT_image.nii.gz", None),
        ("unmasked.nii", None),
    ],
)
def test_by_name(name: str, expected: str | None) -> None:
    assert word(file(name), DEFAULT_LABELS) == expected


def test_by_names_of_ones_own() -> None:
    assert word(file("x_roi.nii"), ["*_ROI.*"]) == "roi"
    assert word(file("12.nii"), ["[0-9]*.*"]) == "labels"
    assert word(file("x_mask.nii"), []) is None


def linked(images: list[File], labels: list[File]) -> dict[str, list[tuple[str, str]]]:
    pairs = [(word(label, DEFAULT_LABELS) or "", label) for label in labels]
    return {image: [(name, f.file_id) for name, f in own] for image, own in link(images, pairs).items()}


def test_the_name_most_alike_wins_among_equal_grids() -> None:
    images = [file("CT_image.nii"), file("MR_T1_image.nii"), file("MR_T2_image.nii")]
    found = linked(images, [file("MR_T2_mask.nii"), file("CT_mask.nii")])
    assert found == {"MR_T2_image.nii": [("mask", "MR_T2_mask.nii")], "CT_image.nii": [("mask", "CT_mask.nii")]}


def test_several_of_a_word_are_numbered_by_name() -> None:
    found = linked([file("ct.nii")], [file("ct_b_mask.nii"), file("ct_a_mask.nii"), file("ct_seg.nii")])
    assert found == {"ct.nii": [("mask", "ct_a_mask.nii"), ("mask-2", "ct_b_mask.nii"), ("seg", "ct_seg.nii")]}


@pytest.mark.parametrize(("off", "fits"), [(0.009, True), (0.011, False)])
def test_the_corners_decide(off: float, fits: bool) -> None:
    moved = np.diag([3.0, 2.0, 1.0, 1.0])
    moved[1, 3] = off
    stretched = np.diag([3.0 + off / 3, 2.0, 1.0, 1.0])
    for frame in (moved, stretched):
        assert bool(linked([file("ct.nii")], [file("ct_mask.nii", frame=frame)])) == fits


def test_several_label_maps_in_one_file_are_nobodys() -> None:
    label = file("ct_mask.nii")
    assert label.header is not None
    assert linked([file("ct.nii")], [replace(label, header=replace(label.header, volumes=2))]) == {}


def test_another_shape_is_another_grid() -> None:
    assert linked([file("ct.nii")], [file("ct_mask.nii", (4, 5, 7))]) == {}
