"""NIfTI and NRRD: what SimpleITK and nibabel read is what was written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive.formats.child import Child
from pipeline.export import nifti, nrrd
from pipeline.grid import Grid
from pipeline.structure import Structure
from pipeline.volume import Volume
from tests.archive.makers import affine
from tests.export.made import LUNGS, content, labels

DTYPES = ["u1", "i2", "u2", "u4", "f2", "f4"]


def volume(dtype: str = "i2", oblique: bool = True, shape: tuple[int, int, int] = (3, 4, 5)) -> Volume:
    array = np.random.default_rng(1).integers(0, 200, shape).astype(dtype)
    return Volume(array, Grid(affine(oblique=oblique).tolist(), shape))


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for suffix, data in files.items():
        (folder / f"x{suffix}").write_bytes(data)
    return folder / f"x{next(iter(files))}"


@pytest.mark.parametrize("encode", [nifti.encode, nrrd.encode])
@pytest.mark.parametrize("dtype", DTYPES)
def test_voxels_and_places(tmp_path: Path, encode: object, dtype: str) -> None:
    ours = volume(dtype)
    image = sitk.ReadImage(written(tmp_path, encode(content(ours))))  # type: ignore[operator]
    array = sitk.GetArrayFromImage(image)
    assert array.dtype == {"f2": np.dtype("f4")}.get(dtype, np.dtype(dtype))
    assert np.array_equal(array, ours.array)
    for corner in np.ndindex(2, 2, 2):
        at = tuple(int(c * (n - 1)) for c, n in zip(corner, ours.grid.shape, strict=True))
        theirs = np.array(image.TransformIndexToPhysicalPoint(at[::-1]))
        assert np.abs(theirs - ours.grid.position(at)).max() < 0.01


@settings(max_examples=25)
@given(st.lists(st.floats(-3, 3), min_size=9, max_size=9), st.lists(st.floats(-900, 900), min_size=3, max_size=3))
def test_nrrd_keeps_the_very_bits_of_any_affine(columns: list[float], origin: list[float]) -> None:
    matrix = np.reshape(columns, (3, 3)) + np.diag([5.0, 6.0, 7.0])
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = matrix, origin
    if abs(np.linalg.det(matrix)) < 1:
        return
    grid = Grid(frame.tolist(), (2, 2, 2))
    (data,) = nrrd.encode(content(Volume(np.zeros((2, 2, 2), "u1"), grid))).values()
    fields = dict(line.split(": ", 1) for line in data.partition(b"\n\n")[0].decode().splitlines() if ": " in line)
    steps = [[float(n) for n in part.strip("()").split(",")] for part in fields["space directions"].split()]
    assert np.array_equal(np.array(steps[::-1]).T, grid.affine[:3, :3])
    assert [float(n) for n in fields["space origin"].strip("()").split(",")] == grid.affine[:3, 3].tolist()


def test_nifti_has_both_forms_where_they_can_say_it(tmp_path: Path) -> None:
    turned = volume()
    image = nibabel.load(written(tmp_path, nifti.encode(content(turned))))
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (1, 1)
    expected = np.diag([-1, -1, 1, 1]) @ turned.grid.affine[:, [2, 1, 0, 3]]
    assert np.abs(image.get_sform() - expected).max() < 1e-4
    assert np.abs(image.get_qform() - expected).max() < 1e-4
    assert image.header.get_xyzt_units()[0] == "mm"

    frame = affine()
    frame[0, 0] = 0.7  # every slice is shifted against the one before
    sheared = Volume(turned.array, Grid(frame.tolist(), turned.grid.shape))
    image = nibabel.load(written(tmp_path, nifti.encode(content(sheared))))
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (0, 1)
    assert np.abs(image.affine - np.diag([-1, -1, 1, 1]) @ frame[:, [2, 1, 0, 3]]).max() < 1e-4

    image = nibabel.load(written(tmp_path, nifti.encode(content(turned, anatomical=False))))
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (0, 0)
    assert image.header.get_zooms() == pytest.approx(turned.grid.spacing[::-1])


def test_what_labels_mean_stands_beside_a_nifti(tmp_path: Path) -> None:
    files = nifti.encode(content(labels(volume(shape=(6, 7, 8)).grid)))
    told = json.loads(files[".json"])
    assert [(s["value"], s["name"], s["code"]) for s in told["labels"]] == [(s.value, s.name, s.code) for s in LUNGS]
    assert (told["kind"], told["recipe"], told["output"]) == ("labels", "ct-lungs", "lungs")
    image = nibabel.load(written(tmp_path, files))
    assert int(image.header["intent_code"]) == 1002  # NIFTI_INTENT_LABEL
    assert image.header.get_data_dtype() == np.uint8


def test_segments_of_a_nrrd_are_those_of_slicer(tmp_path: Path) -> None:
    odd = Structure(9, "two\nlines~^|ä", "1", "a|b")
    made = content(labels(volume(shape=(6, 7, 8)).grid), structures=(*LUNGS, odd))
    image = sitk.ReadImage(written(tmp_path, nrrd.encode(made)))
    told = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    assert [told[f"Segment{n}_LabelValue"] for n in range(4)] == ["1", "2", "7", "9"]
    assert [told[f"Segment{n}_Name"] for n in range(4)] == ["left lung", "right lung", "something else", "two lines ?"]
    assert "SCT^91723000^Anatomical Structure~SCT^44029006^Left lung~" in told["Segment0_Tags"]
    assert "Segment2_Tags" not in told
    assert told["Segment3_Tags"].count("|") == 1
    assert told["scanmill.recipe"] == "ct-lungs"


@pytest.mark.parametrize("encode", [nifti.encode, nrrd.encode])
def test_the_same_bytes_at_any_time(encode: object, monkeypatch: pytest.MonkeyPatch) -> None:
    one = encode(content(volume()))  # type: ignore[operator]
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert encode(content(volume())) == one  # type: ignore[operator]


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_our_own_readers_take_it_back(tmp_path: Path, suffix: str) -> None:
    ours = volume()
    path = written(tmp_path, (nifti if suffix == ".nii.gz" else nrrd).encode(content(ours)))
    with Child() as child:
        (parsed,) = child.headers([path])
        assert parsed.header is not None
        assert np.array_equal(child.pixels(path, parsed.header), ours.array)
    assert np.abs(np.reshape(parsed.header.affine, (4, 4)) - ours.grid.affine).max() < 1e-4


def test_no_time_stands_in_the_gzip_header() -> None:
    data = nifti.encode(content(volume()))[".nii.gz"]
    assert data[4:8] == bytes(4)
    assert gzip.decompress(data)[344:348] == b"n+1\0"
