"""The traps: a regular series, and what archives do to it.  Each is made of real slices by one small edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from math import cos, radians, sin

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from pipeline.bench.truth import Place, Slice

TILT_DEG = 15.0


@dataclass
class Draft:
    """A file in the making; what is not said of it here, its image says; ``cut`` bytes are taken off its end."""

    image: Dataset
    place: Place | None = None
    wanted: bool = True
    cut: int = 0

    def written(self, file: str) -> Slice:
        """The file as it goes to disk, with the truth about it."""
        buffer = BytesIO()
        dcmwrite(buffer, self.image, enforce_file_format=True)
        data = buffer.getvalue()
        return Slice(
            file,
            data[: len(data) - self.cut],
            _rescaled(self.image),
            self.place or Place.of(self.image),
            self.wanted,
            self.cut == 0,
        )


Edit = Callable[[list[Draft]], Sequence[Draft] | None]
"""Changes the drafts of a series in place, or returns what stands for them; they come in order of position."""


@dataclass(frozen=True)
class Trap:
    """One thing that archives do.  ``main`` are the twelve of the scoreboard, the others stand below them."""

    name: str
    what: str
    edit: Edit
    main: bool = False

    def slices(self, source: Sequence[Dataset]) -> list[Slice]:
        """The files, named in the order in which they come; ``source`` is left as it is."""
        drafts = [Draft(deepcopy(image)) for image in source]
        edited = self.edit(drafts)
        return [draft.written(f"{n:04}.dcm") for n, draft in enumerate(drafts if edited is None else edited)]


def _clean(drafts: list[Draft]) -> None:
    """Nothing is wrong: what is not right here is wrong with the tool, or with the harness."""


def _missing(n: int) -> Edit:
    def edit(drafts: list[Draft]) -> None:
        first = (len(drafts) - n) // 2
        del drafts[first : first + n]

    return edit


def _duplicate_file(drafts: list[Draft]) -> None:
    drafts.append(deepcopy(drafts[3]))


def _duplicate_position(drafts: list[Draft]) -> None:
    drafts.append(_another(drafts[3], "position"))


def _conflict(drafts: list[Draft]) -> None:
    copy = deepcopy(drafts[3])
    _repaint(copy.image)
    drafts.append(copy)


def _jitter(step: float) -> Edit:
    """Every second slice moved on by ``step`` slice distances."""

    def edit(drafts: list[Draft]) -> None:
        spacing = _spacing(drafts)
        for draft in drafts[1::2]:
            _move(draft.image, step * spacing)

    return edit


def _two_regimes(drafts: list[Draft]) -> None:
    spacing, half = _spacing(drafts), len(drafts) // 2
    for n, draft in enumerate(drafts[half:]):
        _move(draft.image, n * spacing)


def _tilt(degrees: float, *, tagged: bool) -> Edit:
    """The gantry leans, the table goes on along the old normal; the tag is (0018,1120), or says 0."""

    def edit(drafts: list[Draft]) -> None:
        for draft in drafts:
            row, column, normal = _axes(draft.image)
            leaning = cos(radians(degrees)) * column - sin(radians(degrees)) * normal
            _orient(draft.image, row, leaning)
            draft.image.GantryDetectorTilt = degrees if tagged else 0

    return edit


def _localizer(drafts: list[Draft]) -> None:
    scout = _another(drafts[len(drafts) // 2], "localizer")
    row, _, normal = _axes(scout.image)
    _orient(scout.image, row, -normal)
    scout.image.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.image.InstanceNumber = 0
    scout.wanted = False
    drafts.insert(0, scout)


def _mixed_orientation(drafts: list[Draft]) -> None:
    spacing, across = _spacing(drafts), drafts[len(drafts) // 2 :]
    start = np.array(across[0].image.ImagePositionPatient, np.float64)
    for n, draft in enumerate(across):
        row, _, normal = _axes(draft.image)
        _orient(draft.image, row, -normal)
        draft.image.ImagePositionPatient = start.round(6).tolist()
        _move(draft.image, n * spacing)


def _mixed_spacing(drafts: list[Draft]) -> None:
    for draft in drafts[len(drafts) // 2 :]:
        draft.image.PixelSpacing = [round(1.1 * float(s), 6) for s in draft.image.PixelSpacing]


def _mixed_size(drafts: list[Draft]) -> None:
    for draft in drafts[len(drafts) // 2 :]:
        rows = draft.image.Rows // 2
        _paint(draft.image, draft.image.pixel_array[:rows])


def _truncated(drafts: list[Draft]) -> None:
    middle = drafts[len(drafts) // 2]
    middle.cut = len(middle.image.PixelData) // 2


def _no_positions(drafts: list[Draft]) -> None:
    for draft in drafts:
        draft.place = Place.of(draft.image)
        del draft.image.ImagePositionPatient
        del draft.image.ImageOrientationPatient


def _two_phases(drafts: list[Draft]) -> Sequence[Draft]:
    """Slice by slice, first one phase and then the other, as a scanner sends them."""
    both = []
    for n, draft in enumerate(drafts):
        later = _another(draft, f"phase {n}")
        for phase, image in enumerate((draft.image, later.image)):
            image.NumberOfTemporalPositions, image.TemporalPositionIdentifier = 2, phase + 1
            image.AcquisitionNumber = phase + 1
            image.InstanceNumber = 2 * n + phase + 1
        both += [draft, later]
    return both


def _numbers_reversed(drafts: list[Draft]) -> None:
    for n, draft in enumerate(drafts):
        draft.image.InstanceNumber = len(drafts) - n


def _numbers_absent(drafts: list[Draft]) -> None:
    for draft in drafts:
        draft.image.InstanceNumber = None


def _names_shuffled(drafts: list[Draft]) -> Sequence[Draft]:
    return [drafts[n] for n in np.random.default_rng(0).permutation(len(drafts))]


def _rescale(drafts: list[Draft]) -> None:
    for n, draft in enumerate(drafts):
        draft.image.RescaleIntercept = float(draft.image.RescaleIntercept) + n


def _oblique(drafts: list[Draft]) -> None:
    """The whole series turned about (1, 2, 2) / 3 by the angle whose cosine is 0.8, positions and all."""
    axis = np.array([1.0, 2.0, 2.0]) / 3
    turn = 0.8 * np.eye(3) + 0.2 * np.outer(axis, axis) + 0.6 * np.cross(np.eye(3), -axis)
    for draft in drafts:
        row, column, _ = _axes(draft.image)
        position = np.array(draft.image.ImagePositionPatient, np.float64)
        draft.image.ImagePositionPatient = (turn @ position).round(6).tolist()
        _orient(draft.image, turn @ row, turn @ column)


CLEAN = Trap("clean", "nothing is wrong", _clean)

TRAPS = (
    Trap("missing-one", "one slice is missing", _missing(1), main=True),
    Trap("missing-five", "five neighbouring slices are missing", _missing(5), main=True),
    Trap("duplicate-file", "one file is there twice", _duplicate_file, main=True),
    Trap("duplicate-position", "one position is there twice: other UID, other pixels", _duplicate_position, main=True),
    Trap("jitter", "every second slice is off by 10 % of the slice distance", _jitter(0.1), main=True),
    Trap("two-regimes", "the slice distance doubles half way", _two_regimes, main=True),
    Trap("tilt", f"the gantry is tilted by {TILT_DEG:.0f}°, the tag says 0", _tilt(TILT_DEG, tagged=False), main=True),
    Trap("localizer", "a localizer lies in the series", _localizer, main=True),
    Trap("mixed-spacing", "the pixel spacing grows by 10 % half way", _mixed_spacing, main=True),
    Trap("mixed-size", "the images have half the rows from half way on", _mixed_size, main=True),
    Trap("truncated", "one file is cut in the middle", _truncated, main=True),
    Trap("no-positions", "no image says where it lies", _no_positions, main=True),
    CLEAN,
    Trap("tilt-tagged", f"tilted by {TILT_DEG:.0f}°, and the tag says so", _tilt(TILT_DEG, tagged=True)),
    Trap("tilt-back", f"tilted by {-TILT_DEG:.0f}°, and the tag says so", _tilt(-TILT_DEG, tagged=True)),
    Trap("two-phases", "two phases in one series, every position twice", _two_phases),
    Trap("mixed-orientation", "two stacks across each other in one series", _mixed_orientation),
    Trap("conflict", "one SOP Instance UID, two contents", _conflict),
    Trap("rounding", "positions off by 0.0005 mm, as printing rounds them", _jitter(0.0002)),
    Trap("numbers-reversed", "instance numbers run against the positions", _numbers_reversed),
    Trap("numbers-absent", "instance numbers are empty", _numbers_absent),
    Trap("names-shuffled", "file names say nothing of the order", _names_shuffled),
    Trap("rescale", "another rescale intercept in every slice", _rescale),
    Trap("oblique", "the stack lies oblique to all axes of the patient", _oblique),
)


def _axes(image: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions along a row, along a column, and of the normal."""
    row, column = np.array(image.ImageOrientationPatient, np.float64).reshape(2, 3)
    return row, column, np.cross(row, column)


def _orient(image: Dataset, row: np.ndarray, column: np.ndarray) -> None:
    image.ImageOrientationPatient = [*row.round(9).tolist(), *column.round(9).tolist()]


def _spacing(drafts: Sequence[Draft]) -> float:
    first, second = (np.array(d.image.ImagePositionPatient, np.float64) for d in drafts[:2])
    return float(np.linalg.norm(second - first))


def _move(image: Dataset, mm: float) -> None:
    """Along the normal."""
    position = np.array(image.ImagePositionPatient, np.float64) + mm * _axes(image)[2]
    image.ImagePositionPatient = position.round(6).tolist()


def _another(draft: Draft, name: str) -> Draft:
    """An image of its own at the same place: other UID, other pixels."""
    copy = deepcopy(draft)
    copy.image.SOPInstanceUID = generate_uid(entropy_srcs=[name])
    copy.image.InstanceNumber = 1000
    _repaint(copy.image)
    return copy


def _repaint(image: Dataset) -> None:
    """Other pixels, which no turn or flip makes those of before."""
    _paint(image, np.roll(image.pixel_array, 5, axis=0))


def _paint(image: Dataset, pixels: np.ndarray) -> None:
    image.Rows, image.Columns = pixels.shape
    image.PixelData = np.ascontiguousarray(pixels).tobytes()


def _rescaled(image: Dataset) -> np.ndarray:
    """(rows, columns) int32 of the rescaled values (DICOM PS3.3 C.11.1.1.2), rounded."""
    values = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
    rounded: np.ndarray = np.rint(values).astype(np.int32)
    return rounded
