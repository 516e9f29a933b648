"""What goes wrong with a series in an archive: edits of its images, each with what a reader may not miss.

An edit is handed the images of one series and a random generator, and changes them in place.  The truth about a slice
is what its own header says after all edits, known by its pixels: every image has pixels of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from tests.archive import makers

N, SHAPE, GAP = 9, (12, 10), 2.5


@dataclass
class Image:
    """A file to be: its data set, or bytes that replace it; ``length`` cuts what is written."""

    dataset: Dataset
    name: str
    data: bytes | None = None
    length: int | None = None


Images = list[Image]
Random = np.random.Generator
Defect = Callable[[Images, Random], None]


def series(seed: int) -> Images:
    """A regular CT of nine slices; the pixels of no two slices of no two series are alike."""
    rng = np.random.default_rng([seed, 5])
    images = []
    for k in range(N):
        pixels = rng.integers(0, 4000, SHAPE).astype("i2")
        ds = makers.dataset(
            pixels,
            SOPInstanceUID=makers.uid("defect", seed, k),
            StudyInstanceUID=makers.uid("defect study", seed),
            SeriesInstanceUID=makers.uid("defect series", seed),
            FrameOfReferenceUID=makers.uid("defect frame", seed),
            PatientID=f"P{seed}",
            InstanceNumber=k + 1,
            PixelSpacing=[0.8, 0.7],
            ImagePositionPatient=[-12.5, 20.25, 100.0 + GAP * k],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )
        images.append(Image(ds, f"{k:04d}.dcm"))
    return images


def _some(images: Images, rng: Random) -> Image:
    return images[rng.integers(len(images))]


def _half(images: Images) -> Images:
    return images[len(images) // 2 :]


def missing(images: Images, rng: Random) -> None:
    """One to four images are not there."""
    for _ in range(int(rng.integers(1, 5))):
        del images[int(rng.integers(len(images)))]


def copied(images: Images, rng: Random) -> None:
    """One file twice."""
    images.append(replace_name(_some(images, rng), f"copy{len(images)}"))


def contradicted(images: Images, rng: Random) -> None:
    """One instance with other pixels."""
    images.append(other_pixels(replace_name(_some(images, rng), f"other{len(images)}"), rng))


def doubled(images: Images, rng: Random) -> None:
    """Another image at one place."""
    twin = other_pixels(replace_name(_some(images, rng), f"twin{len(images)}"), rng)
    twin.dataset.SOPInstanceUID = makers.uid("twin", int(rng.integers(2**40)))
    images.append(twin)


def phases(images: Images, rng: Random) -> None:
    """A second phase of all, by one of what tells phases apart, sometimes half a slice higher."""
    keyword, value = [
        ("TemporalPositionIdentifier", 2),
        ("EchoTime", 9.5),
        ("AcquisitionNumber", 2),
        ("TriggerTime", 300.0),
        ("InstanceNumber", None),
    ][rng.integers(5)]
    for n, image in enumerate(list(images)):
        twin = other_pixels(replace_name(image, f"phase{n}"), rng)
        twin.dataset.SOPInstanceUID = makers.uid("phase", int(rng.integers(2**40)))
        setattr(twin.dataset, keyword, 100 + n if value is None else value)
        if rng.random() < 0.01:
            twin.dataset.ImagePositionPatient = [-12.5, 20.25, 100.0 + GAP * (n + 0.5)]
        images.append(twin)


def jittered(images: Images, rng: Random) -> None:
    """Places off by printing, by a hundredth, by a tenth of the slice distance."""
    size = [5e-7, 0.02, 0.25][rng.integers(3)]
    for image in images:
        x, y, z = image.dataset.get("ImagePositionPatient") or (0, 0, 0)
        image.dataset.ImagePositionPatient = [x, y, round(float(z) + float(rng.normal()) * size, 7)]


def tilted(images: Images, rng: Random) -> None:
    """The gantry leans."""
    a = radians([5, 15, 30, -20][rng.integers(4)])
    for image in images:
        image.dataset.ImageOrientationPatient = [1, 0, 0, 0, round(cos(a), 9), round(-sin(a), 9)]


def turned(images: Images, rng: Random) -> None:
    """One image lies across."""
    _some(images, rng).dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]


def localizer(images: Images, rng: Random) -> None:
    """One says that it is a localizer."""
    _some(images, rng).dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


def spacing(images: Images, rng: Random) -> None:
    """Half of them have larger pixels."""
    for image in _half(images):
        image.dataset.PixelSpacing = [0.8, 0.77]


def kernel(images: Images, rng: Random) -> None:
    """Half of them are reconstructed otherwise."""
    for image in _half(images):
        image.dataset.ConvolutionKernel = "B70f"


def frame(images: Images, rng: Random) -> None:
    """Half of them lie in another frame of reference."""
    for image in _half(images):
        image.dataset.FrameOfReferenceUID = makers.uid("elsewhere")


def rows(images: Images, rng: Random) -> None:
    """One lacks rows."""
    ds = _some(images, rng).dataset
    ds.Rows -= 4
    ds.PixelData = ds.PixelData[: 2 * ds.Rows * ds.Columns]


def slopes(images: Images, rng: Random) -> None:
    """Each has a rescale of its own."""
    for image in images:
        image.dataset.RescaleSlope = round(float(rng.uniform(0.5, 2)), 4)


def placeless(images: Images, rng: Random) -> None:
    """One does not say where it lies."""
    image = _some(images, rng)
    if "ImagePositionPatient" in image.dataset:
        del image.dataset.ImagePositionPatient


def patient(images: Images, rng: Random) -> None:
    """One is of somebody else."""
    _some(images, rng).dataset.PatientID = "P-other"


def numbers(images: Images, rng: Random) -> None:
    """Instance numbers are reversed, gone, or all the same."""
    kind = rng.integers(3)
    for n, image in enumerate(images):
        image.dataset.InstanceNumber = [len(images) - n, None, 1][kind]


def names(images: Images, rng: Random) -> None:
    """File names say nothing."""
    for image, n in zip(images, rng.permutation(len(images)), strict=True):
        image.name = f"{n:05d}-{image.name}"


def cut(images: Images, rng: Random) -> None:
    """One file is cut, at any place."""
    _some(images, rng).length = int(rng.integers(0, 1200))


def garbage(images: Images, rng: Random) -> None:
    """A file that is none."""
    images.append(Image(images[0].dataset, f"garbage{len(images)}.dcm", rng.bytes(700)))


def overlay(images: Images, rng: Random) -> None:
    """Twelve bits, and others in the four above."""
    for image in images:
        ds = image.dataset
        pixels = np.frombuffer(ds.PixelData, "u2")
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 0
        ds.PixelData = (pixels | (rng.integers(0, 16, pixels.shape) << 12).astype("u2")).tobytes()


def encoded(images: Images, rng: Random) -> None:
    """Some are compressed without loss, or big-endian."""
    for image in images:
        if rng.random() < 0.5 and image.dataset.file_meta.TransferSyntaxUID not in (RLELossless, ExplicitVRBigEndian):
            if rng.random() < 0.7:
                image.dataset.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
            else:
                image.dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian


def other_pixels(image: Image, rng: Random) -> Image:
    """The same image with noise of its own."""
    ds = image.dataset
    ds.file_meta.TransferSyntaxUID = makers.ExplicitVRLittleEndian
    ds.PixelData = rng.integers(0, 4000, (ds.Rows, ds.Columns)).astype("i2").tobytes()
    ds["PixelData"].VR = "OW"
    ds["PixelData"].is_undefined_length = False
    return image


def replace_name(image: Image, name: str) -> Image:
    """A copy under another name."""
    return Image(deepcopy(image.dataset), f"{name}.dcm", image.data, image.length)


DEFECTS: tuple[Defect, ...] = (
    missing, copied, contradicted, doubled, phases, jittered, tilted, turned, localizer, spacing, kernel, frame, rows,
    slopes, placeless, patient, numbers, names, cut, garbage, overlay, encoded,
)  # fmt: skip
