"""The series that the traps are made of: real slices, regular and in order, before anything is done to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import generate_uid

from pipeline.bench.truth import Place
from pipeline.errors import SourceError

N_SLICES = 20
SPACING_MM = 2.5


def bundled(n: int = N_SLICES) -> list[Dataset]:
    """``n`` slices ``SPACING_MM`` apart, made of the one real CT image that the pydicom package carries.

    Each is that image rolled by another number of columns, so that every slice can be told by its pixels.
    """
    path = get_testdata_file("CT_small.dcm")
    assert isinstance(path, str)
    slices: list[Dataset] = []
    for k in range(n):
        image = dcmread(path)
        image.PixelData = np.roll(image.pixel_array, 3 * k, axis=1).tobytes()
        x, y, z = map(float, image.ImagePositionPatient)
        image.ImagePositionPatient = [x, y, round(z + SPACING_MM * k, 6)]
        image.SliceLocation = round(z + SPACING_MM * k, 6)
        image.SliceThickness = image.SpacingBetweenSlices = SPACING_MM
        image.InstanceNumber = k + 1
        image.SOPInstanceUID = generate_uid(entropy_srcs=["bundled", str(k)])
        slices.append(image)
    return slices


def first_slices(folder: Path, n: int = N_SLICES) -> list[Dataset]:
    """The first ``n`` images, along their normal, of the one series in ``folder``.

    They come in one frame of reference, native transfer syntax and as they are otherwise.  A frame for every image,
    which some de-identifiers write (all of LIDC-IDRI), would be a second fault where a trap adds an image.

    Raises
    ------
    SourceError
        If there are fewer, or they are of several series or orientations, or two are alike.
    """
    images = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            header = dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            continue
        if "ImagePositionPatient" in header:
            images.append((_along(header), path))
    chosen: list[Dataset] = [dcmread(path) for _, path in sorted(images)[:n]]
    if len(chosen) < n:
        raise SourceError(f"the source must hold {n} images of one series")
    if len({(image.SeriesInstanceUID, tuple(image.ImageOrientationPatient)) for image in chosen}) > 1:
        raise SourceError("the source must hold one series of one orientation")
    for image in chosen:
        image.FrameOfReferenceUID = chosen[0].FrameOfReferenceUID
        if image.file_meta.TransferSyntaxUID.is_compressed:
            image.decompress()
    if len({image.pixel_array.tobytes() for image in chosen}) < n:
        raise SourceError("two slices of the source are alike: nobody could tell which lies where")
    return chosen


def _along(image: Dataset) -> float:
    place = Place.of(image)
    return float(place.corner @ np.cross(place.right, place.down))
