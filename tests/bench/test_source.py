"""What the traps are made of is a regular series of slices that can be told apart."""

from pathlib import Path

import pytest
from pydicom.uid import RLELossless

from pipeline.bench.source import first_slices
from pipeline.errors import SourceError
from tests.archive.makers import ct_series, write
from tests.bench.series import small


def heights(images) -> list[float]:
    return [float(image.ImagePositionPatient[2]) for image in images]


def test_the_first_slices_by_position_whatever_their_names(tmp_path: Path) -> None:
    for n, image in enumerate(reversed(small())):
        write(image, tmp_path / f"{n}.dcm")
    (tmp_path / "notes.txt").write_text("no image")
    assert heights(first_slices(tmp_path, 5)) == heights(small()[:5])


def test_a_frame_of_reference_for_every_image_is_made_one(tmp_path: Path) -> None:
    for n, image in enumerate(small(3)):
        image.FrameOfReferenceUID = image.SOPInstanceUID
        write(image, tmp_path / f"{n}.dcm")
    assert {image.FrameOfReferenceUID for image in first_slices(tmp_path, 3)} == {small(1)[0].SOPInstanceUID}


def test_compressed_slices_are_decoded(tmp_path: Path) -> None:
    for n, image in enumerate(small(3)):
        image.compress(RLELossless)
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.save_as(tmp_path / f"{n}.dcm", enforce_file_format=True)
    assert [image.PixelData for image in first_slices(tmp_path, 3)] == [image.PixelData for image in small(3)]


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    ct_series(tmp_path / "a", 4)
    with pytest.raises(SourceError, match="5 images"):
        first_slices(tmp_path, 5)
    ct_series(tmp_path / "b", 4, seed=1)
    with pytest.raises(SourceError, match="one series"):
        first_slices(tmp_path, 5)
    alike = small(2)
    alike[1].PixelData = alike[0].PixelData
    for n, image in enumerate(alike):
        write(image, tmp_path / "c" / f"{n}.dcm")
    with pytest.raises(SourceError, match="alike"):
        first_slices(tmp_path / "c", 2)
