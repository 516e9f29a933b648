"""DICOM segmentations, read by hand: labels lie where the slices of the source say, and every frame names its slice."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from pipeline.archive.formats.child import Child
from pipeline.archive.formats.placement import fits
from pipeline.archive.origin import Origin
from pipeline.export import segmentation
from pipeline.export.refusal import Refusal, Refused
from pipeline.grid import Grid
from pipeline.orientation import toward
from pipeline.reasons import Reason
from pipeline.structure import Structure
from pipeline.volume import Volume
from tests.archive import makers
from tests.export.made import LUNGS, SERIES, content, frames, labels, sources, together

Origins = dict[str, Origin]

PLACELESS = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleType"))

ODD: dict[str, dict[str, Any]] = {
    "told": {
        "StudyDate": "20010203", "StudyTime": "040506", "AccessionNumber": "A1", "PatientSex": "F",
        "PatientBirthDate": "19010203", "StudyDescription": "Über", "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": "Müller^Ä",
    },
    "long": {"n": 12},
    "frames": {"edit": lambda k, ds: setattr(ds, "FrameOfReferenceUID", makers.uid("frame", "of", k))},
    "frameless": {"FrameOfReferenceUID": None},
    "nuclear": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.20", "Modality": "NM", "RescaleType": None},
    "private": {"SOPClassUID": "1.3.46.670589.11.0.0.12.1", "Modality": "MR", "RescaleType": None},
    "xray": {"n": 1, "Modality": "DX", "ImagerPixelSpacing": [0.2, 0.1], "intercept": 0, **PLACELESS},
    "hostile": {
        "PatientName": "SENTINEL" * 20, "PatientSex": "SENTINEL", "PatientBirthDate": "19019999", "StudyTime": "25",
        "StudyDate": "2001.02.03", "AccessionNumber": "SENTINEL" * 9, "SliceThickness": None,
        "ReferringPhysicianName": "山田^太郎", "SpecificCharacterSet": "ISO_IR 192",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("segmentation")


@pytest.fixture(scope="module")
def origins(folder: Path) -> Origins:
    """What is read of every series in ``SERIES`` and ``ODD``, each in a folder of its name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, at what is written here
        return sources(folder, SERIES | ODD)


def read(encoded: bytes) -> Dataset:
    return pydicom.dcmread(BytesIO(encoded))


def encoded(found: object, volume: Volume, kind: segmentation.Kind = "binary", **changes: object) -> bytes:
    (data,) = segmentation.encode(content(volume, **changes), found, kind).values()  # type: ignore[arg-type]
    return data


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
@pytest.mark.parametrize("name", SERIES)
def test_every_voxel_lies_where_its_slice_says(
    folder: Path, origins: Origins, name: str, kind: segmentation.Kind
) -> None:
    """The positions come from the files, by pydicom; those of the labels from the segmentation alone."""
    found = origins[name]
    slices = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, (folder / name).iterdir())}
    volume = labels(found.grid)
    numbers = {0: 0, 1: 1, 2: 2, 7: 3 if kind == "binary" else 7}
    met, made = 0, frames(encoded(found, volume, kind))
    for frame in made:
        ds = slices[frame.instance]
        k = [header.instance for header in found.instances].index(frame.instance)
        for label in set(frame.labels.ravel()) - {0}:
            value = next(v for v, n in numbers.items() if n == label)
            ours = np.argwhere(frame.labels == label)
            assert np.array_equal(ours, np.argwhere(volume.array[k] == value))
            row, column = np.reshape(ds.ImageOrientationPatient, (2, 3)).astype(float)
            theirs = ours @ np.stack([column * ds.PixelSpacing[0], row * ds.PixelSpacing[1]]) + ds.ImagePositionPatient
            at = np.c_[ours, np.ones(len(ours))] @ frame.affine.T
            assert np.abs(at - theirs).max() < (0.01 if name == "rough" else 1e-9)
            by_grid = np.c_[np.full(len(ours), k), ours, np.ones(len(ours))] @ found.grid.affine[:3].T
            assert np.abs(at - by_grid).max() < 0.01
            met += len(ours)
    assert met == np.count_nonzero(volume.array) > 1000
    assert found.instances[0].instance not in {frame.instance for frame in made}  # that slice is empty


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as one:
        yield one


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
@pytest.mark.parametrize("name", SERIES)
def test_what_was_exported_is_read_again(
    tmp_path: Path, origins: Origins, child: Child, name: str, kind: segmentation.Kind
) -> None:
    found = origins[name]
    volume = labels(found.grid)
    path = tmp_path / "seg.dcm"
    path.write_bytes(encoded(found, volume, kind))
    answer = next(child.headers([path]))
    assert answer.reason is Reason.SEGMENTATION
    header = answer.header
    assert header is not None
    assert fits(found.grid, header)
    assert header.annotation is not None
    assert set(header.annotation.instances) <= {one.instance for one in found.instances}
    maps, values = child.drawn(path, header, found.grid)
    wanted = volume.array.copy()
    if kind == "binary":
        wanted[wanted == 7] = 3
    np.testing.assert_array_equal(maps[0], wanted)
    assert values == (tuple(int(value) for value in np.unique(wanted) if value),)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
@pytest.mark.parametrize("codes", ["LPS", "RAS", "SAL", "PIR"])
def test_a_turned_and_cropped_label_map_returns_voxel_for_voxel(
    origins: Origins, codes: str, kind: segmentation.Kind
) -> None:
    found = origins["oblique"]
    inner = labels(found.grid).crop_to(found.grid.pad(-2))
    turn = toward(inner.grid, codes)
    turned = turn.grid(inner.grid)
    elsewhere = Grid(turned.affine.tolist(), turned.shape)  # as it is read from OUT: a frame that begins at index 0
    volume = Volume(np.ascontiguousarray(turn.array(inner.array)), elsewhere, "labels")
    whole = np.zeros(found.grid.shape, int)
    whole[found.grid.slices(inner.grid)] = inner.array
    if kind == "binary":
        whole[whole == 7] = 3
    instances = [header.instance for header in found.instances]
    assert np.array_equal(together(encoded(found, volume, kind), instances, found.grid.shape), whole)


def test_a_finer_label_map_is_brought_onto_the_slices_of_the_source(origins: Origins) -> None:
    """A ball of 1 mm voxels is a ball of 2.5 x 0.8 x 0.8 mm ones: within a voxel of the surface, and nowhere else."""
    found = origins["long"]
    centre, radius = np.array(found.grid.position((6, 16, 16))), 8.0

    def distance(grid: Grid) -> np.ndarray:
        index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
        return np.linalg.norm(index @ grid.affine[:3, :3].T + grid.affine[:3, 3] - centre, axis=-1)

    fine = found.grid.respace((1.0, 1.0, 1.0))
    volume = Volume((distance(fine) <= radius).astype("u1"), fine, "labels")
    made = encoded(found, volume, structures=(Structure(1, "ball"),))
    ours = together(made, [h.instance for h in found.instances], found.grid.shape) > 0
    away = distance(found.grid)
    assert ours[away < radius - 1].all()
    assert not ours[away > radius + 1].any()


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_what_it_says(folder: Path, origins: Origins, kind: segmentation.Kind) -> None:
    found = origins["told"]
    ds = read(encoded(found, labels(found.grid), kind))
    first = pydicom.dcmread(folder / "told" / "0000.dcm")
    for keyword in (
        *("PatientID", "PatientName", "PatientSex", "PatientBirthDate", "AccessionNumber", "StudyDescription"),
        *("StudyInstanceUID", "StudyDate", "StudyTime", "FrameOfReferenceUID"),
    ):
        assert str(ds[keyword].value) == str(first[keyword].value), keyword
    assert (ds.Modality, ds.SegmentationType, ds.LossyImageCompression) == ("SEG", kind.upper(), "00")
    assert (ds.ContentDate, ds.ContentTime) == ("20010203", "040506")
    assert ds.SeriesInstanceUID != first.SeriesInstanceUID
    (referred,) = ds.ReferencedSeriesSequence
    assert referred.SeriesInstanceUID == first.SeriesInstanceUID
    assert {r.ReferencedSOPInstanceUID for r in referred.ReferencedInstanceSequence} == {
        h.instance for h in found.instances
    }
    segments = list(ds.SegmentSequence)[kind == "labelmap" :]
    assert [s.SegmentNumber for s in segments] == ([1, 2, 3] if kind == "binary" else [1, 2, 7])
    assert [s.SegmentLabel for s in segments] == [s.name for s in LUNGS]
    types = [s.SegmentedPropertyTypeCodeSequence[0] for s in segments]
    assert [(t.CodeValue, t.CodingSchemeDesignator) for t in types] == [
        ("44029006", "SCT"), ("3341006", "SCT"), ("91723000", "SCT")
    ]  # fmt: skip
    assert {s.SegmentAlgorithmType for s in segments} == {"AUTOMATIC"}
    algorithm = segments[0].SegmentationAlgorithmIdentificationSequence[0]
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeMeaning == "Artificial Intelligence"
    assert content(labels(found.grid)).fingerprint[:16] in algorithm.AlgorithmVersion


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_highdicom_reads_it_back(origins: Origins, kind: segmentation.Kind) -> None:
    found = origins["axial"]
    volume = labels(found.grid)
    segments = highdicom.seg.Segmentation.from_dataset(read(encoded(found, volume, kind)))
    whole = segments.get_pixels_by_source_instance(
        [h.instance for h in found.instances], combine_segments=True, ignore_spatial_locations=False,
        assert_missing_frames_are_empty=True,
    )  # fmt: skip
    expected = volume.array.copy()
    if kind == "binary":
        expected[expected == 7] = 3
    assert np.array_equal(whole, expected)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_the_same_bytes_at_any_time_and_place(origins: Origins, kind: segmentation.Kind) -> None:
    """Law L4; another fingerprint, output or kind is another instance."""
    found = origins["axial"]
    volume = labels(found.grid)
    one, two = (encoded(found, volume, kind) for _ in range(2))
    assert one == two
    other = encoded(found, volume, kind, fingerprint="ef" * 32)
    names = {read(data).SOPInstanceUID for data in (one, other, encoded(found, volume, kind, output="x"))}
    assert len(names) == 3
    assert all(name.startswith("2.25.") and len(name) <= 64 for name in names)


def test_a_frame_of_reference_for_every_slice_and_none_at_all(origins: Origins) -> None:
    """De-identification gives every slice its own: that of the first slice is taken. For none, one is made up."""
    ds = read(encoded(origins["frames"], labels(origins["frames"].grid)))
    assert ds.FrameOfReferenceUID == makers.uid("frame", "of", 0)
    ds = read(encoded(origins["frameless"], labels(origins["frameless"].grid)))
    assert ds.FrameOfReferenceUID.startswith("2.25.")


@pytest.mark.parametrize("name", ["nuclear", "private"])
def test_a_source_of_a_class_that_may_hold_frames_or_is_private(origins: Origins, name: str) -> None:
    found = origins[name]
    ds = read(encoded(found, labels(found.grid)))
    classes = {i.ReferencedSOPClassUID for i in ds.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    for group in ds.PerFrameFunctionalGroupsSequence:
        classes.add(group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPClassUID)
    assert classes == {ODD[name]["SOPClassUID"]}


def test_a_lone_xray_without_a_place_in_the_patient(origins: Origins) -> None:
    found = origins["xray"]
    assert not found.anatomical
    array = np.zeros(found.grid.shape, "u1")
    array[0, 3:9, 5:20] = 1
    ds = read(encoded(found, Volume(array, found.grid, "labels"), structures=LUNGS[:1]))
    assert "FrameOfReferenceUID" not in ds
    bits = np.unpackbits(np.frombuffer(ds.PixelData, "u1"), bitorder="little")[: array.size]
    assert np.array_equal(bits.reshape(array.shape), array)


def test_hostile_values_of_the_header_neither_stop_it_nor_are_told(
    origins: Origins, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no legal value is left out; names of any script are kept; nothing is logged."""
    found = origins["hostile"]
    caplog.set_level(logging.DEBUG)
    data = encoded(found, labels(found.grid))
    ds = read(data)
    assert (ds.PatientName, ds.PatientSex, ds.PatientBirthDate, ds.StudyDate, ds.StudyTime) == ("", "", "", "", "")
    assert str(ds.ReferringPhysicianName) == "山田^太郎"
    assert ds.ContentDate == "19000101"
    assert b"SENTINEL" not in data
    assert not caplog.records


def test_what_cannot_be_one_is_refused(origins: Origins) -> None:
    found = origins["axial"]
    empty = Volume(np.zeros(found.grid.shape, "u1"), found.grid, "labels")
    with pytest.raises(Refused, match=Refusal.NOTHING_LABELLED):
        encoded(found, empty, structures=())
    many = replace(empty, array=empty.array.astype("u4"))
    wide = (Structure(65535, "x"),)
    object.__setattr__(wide[0], "value", 65536)
    with pytest.raises(Refused, match=Refusal.TOO_MANY_LABELS):
        encoded(found, many, structures=wide)


def test_an_empty_label_map_of_named_structures_says_so(origins: Origins) -> None:
    found = origins["axial"]
    empty = Volume(np.zeros(found.grid.shape, "u1"), found.grid, "labels")
    ds = read(encoded(found, empty))
    assert len(ds.SegmentSequence) == 3
    assert not any(ds.PixelData)
