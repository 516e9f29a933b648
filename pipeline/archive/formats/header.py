"""The facts of one image file, as its header states them.  They never leave the vault."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

from pipeline.archive.formats.annotation import Annotation
from pipeline.volume import Voi

Format = Literal["dicom", "nifti", "mha", "nrrd"]

NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
"""Transfer syntaxes whose pixel data lie in the file as they are: DICOM PS3.5 A.1, A.2, A.3."""


class Pet(NamedTuple):
    """What a PET image says of its activity.

    Moments are seconds since 1970 by the clock of the scanner; None where nothing usable is stated.

    Attributes
    ----------
    units, suv_type, decay_correction : DICOM PS3.3 C.8.9.1.1, "" where absent
    attenuation, decay : whether Corrected Image lists ATTN, DECY
    injections : items of the Radiopharmaceutical Information Sequence; what follows is of the first
    injected_clock_s : time of day, where the day is not stated
    ge_scan_s : when the scan began, GE's private (0009,100D)
    philips_suv, philips_bqml : factors from rescaled counts to SUVbw, to Bq/ml: (7053,1000), (7053,1009)
    """

    units: str = ""
    suv_type: str = ""
    decay_correction: str = ""
    attenuation: bool = False
    decay: bool = False
    weight_kg: float | None = None
    injections: int = 0
    dose_bq: float | None = None
    half_life_s: float | None = None
    injected_s: float | None = None
    injected_clock_s: float | None = None
    series_s: float | None = None
    acquired_s: float | None = None
    ge_scan_s: float | None = None
    frame_ms: float | None = None
    frame_reference_ms: float | None = None
    philips_suv: float | None = None
    philips_bqml: float | None = None


class Facets(NamedTuple):
    """What tells images at one place apart: the coordinates of a series that is several volumes.

    None or "" where nothing is stated.  A phase, an echo, a diffusion direction is one value of one of them.

    Attributes
    ----------
    stack : Stack ID (0020,9056)
    temporal_position : Temporal Position Index or Identifier (0020,9128), (0020,0100)
    trigger_ms : cardiac or respiratory delay: Trigger Time (0018,1060), Nominal Cardiac Trigger Delay (0020,9153)
    echo_ms, echo : Echo Time (0018,0081), Effective Echo Time (0018,9082); Echo Number (0018,0086)
    inversion_ms : Inversion Time (0018,0082), (0018,9079)
    b_value, gradient : Diffusion b-value (0018,9087) in s/mm2, Gradient Orientation (0018,9089)
    component : of a complex image: M, P, R, I, from Image Type or Complex Image Component (0008,9208)
    energy_kev : of a monoenergetic CT; kVp of a tube that switches
    acquisition : Acquisition Number (0020,0012)
    acquired_s : Acquisition Datetime, or date and time, in seconds since 1970
    number : Instance Number (0020,0013): the last resort
    """

    stack: str = ""
    temporal_position: int | None = None
    trigger_ms: float | None = None
    echo_ms: float | None = None
    echo: int | None = None
    inversion_ms: float | None = None
    b_value: float | None = None
    gradient: tuple[float, ...] | None = None
    component: str = ""
    energy_kev: float | None = None
    acquisition: int | None = None
    acquired_s: float | None = None
    number: int | None = None

    @classmethod
    def of(cls, values: Iterable[Any]) -> Facets:
        """As JSON gives them back."""
        return cls._make(map(_frozen, values))


class Detached(NamedTuple):
    """A file of the same folder that holds the voxels of a header that stands alone.

    Attributes
    ----------
    name : as stated, see ``formats.detached``; "" where it follows from that of the header, as in a NIfTI pair
    least_bytes : a shorter one cannot hold them
    """

    name: str
    least_bytes: int


ALONE = Facets()
"""Of an image that says nothing of the kind."""


class Frame(NamedTuple):
    """What one frame of a multi-frame object says for itself; the names are those of ``Header``."""

    position: tuple[float, float, float] | None = None
    orientation: tuple[float, float, float, float, float, float] | None = None
    spacing: tuple[float, float] | None = None
    slice_thickness: float | None = None
    slope: float = 1.0
    intercept: float = 0.0
    rescale_stated: bool = False
    rescale_type: str = ""
    private_scale: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    image_type: tuple[str, ...] = ()
    calculation: str = ""
    kernel: str = ""
    facets: Facets = ALONE


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a scan keeps of one file.  Text fields are raw header text: identities, never published.

    Attributes
    ----------
    patient, study, series, instance, frame_of_reference :
        PatientID and UIDs; of a file without them ("" where absent), the scanner supplies stand-ins.
    calculation : Volume Based Calculation Technique (0008,9207) of an enhanced object: MAX_IP and the like
    shape : (frames or slices, rows, columns)
    slope, intercept : stored value -> rescaled value (DICOM PS3.3 C.11.1.1.2; NIfTI scl_slope, scl_inter)
    rescale_stated : whether the file itself states slope and intercept; DICOM needs both, NIfTI a usable slope
    lut_bits : of an entry of the modality LUT that stored values go through (DICOM PS3.3 C.11.1), None without one
    private_scale : (slope, intercept) of Philips beside the standard ones, see ``philips``; None where none is stated
    padding : stored value of padding (DICOM PS3.3 C.7.5.1.1.2), None where there is none
    pixel_offset, pixel_length : bytes, of the *value* of native pixel data, else None
    pixel_element : hex of the element header that stands right before the value, read again before use
    position, orientation : ImagePositionPatient (mm), ImageOrientationPatient (row then column cosines)
    spacing : (between rows, between columns) in mm; ``spacing_source`` says which attribute it is
    affine : row-major 4 x 4, index (k, j, i, 1) -> LPS mm, of formats that state one; else None
    window : (center, width) of the first VOI window
    pet : what a PET image says of its activity; None of all others
    voi : what it is meant for, see ``volume.Voi``
    content : sha256 of the file's bytes for formats without instance UIDs, else ""
    facets : which of several images at one place this is
    frames : of a multi-frame object what each of its ``shape[0]`` frames says; else none
    mosaic : where the frames are tiles of one image, how many of them lie side by side; else 0
    volumes : how many volumes of ``shape`` there are in a file of another format than DICOM
    detached : where the voxels lie if not in the file itself
    forms_apart_mm : NIfTI: how far apart the two places lie that sform and qform name for one corner voxel, at most;
        None where not both are stated
    annotation : of a segmentation or a structure set that can be drawn; None of all others
    """

    format: Format
    patient: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    frame_of_reference: str = ""
    sop_class: str = ""
    transfer_syntax: str = ""
    modality: str = ""
    manufacturer: str = ""
    model: str = ""
    kernel: str = ""
    body_part: str = ""
    image_type: tuple[str, ...] = ()
    calculation: str = ""
    burned_in: str = ""
    lossy: bool = False
    shape: tuple[int, int, int] = (0, 0, 0)
    dimensions: int = 3
    samples: int = 1
    photometric: str = ""
    bits_allocated: int = 0
    bits_stored: int = 0
    high_bit: int = 0
    signed: bool = False
    floating: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    rescale_stated: bool = True
    rescale_type: str = ""
    lut_bits: int | None = None
    private_scale: tuple[float, float] | None = None
    padding: float | None = None
    pixel_offset: int | None = None
    pixel_length: int | None = None
    pixel_element: str = ""
    position: tuple[float, float, float] | None = None
    orientation: tuple[float, float, float, float, float, float] | None = None
    spacing: tuple[float, float] | None = None
    spacing_source: Literal["", "pixel", "imager", "nominal"] = ""
    slice_thickness: float | None = None
    affine: tuple[float, ...] | None = None
    window: tuple[float, float] | None = None
    pet: Pet | None = None
    voi: Voi = "LINEAR"
    content: str = ""
    facets: Facets = ALONE
    frames: tuple[Frame, ...] = ()
    mosaic: int = 0
    volumes: int = 1
    detached: Detached | None = None
    forms_apart_mm: float | None = None
    annotation: Annotation | None = None

    @property
    def parts(self) -> int:
        """Frames of a DICOM object, volumes of any other file: what ``part`` tells apart."""
        return self.shape[0] if self.format == "dicom" else self.volumes

    def part(self, n: int) -> Header:
        """As if the n-th frame or volume were a file of its own, but for where its voxels lie."""
        if self.format != "dicom":
            return self.but(volumes=1, facets=Facets(temporal_position=n) if self.volumes > 1 else self.facets)
        if not self.frames:
            return self if self.shape[0] == 1 else self.but(shape=(1, *self.shape[1:]), facets=Facets(number=n))
        return self.but(shape=(1, *self.shape[1:]), frames=(), **self.frames[n]._asdict())

    def but(self, **facts: Any) -> Header:
        """With other facts: what ``replace`` gives, sooner."""
        return _made(vars(self) | facts)

    def to_json(self) -> str:
        """One line, of what is not as by default; ``from_json`` gives an equal value back."""
        stated = {name: value for name, value in vars(self).items() if value != _DEFAULTS[name]}
        return _ENCODED(stated)

    @classmethod
    def from_json(cls, text: str | bytes) -> Header:
        """The value that ``to_json`` wrote.  Raises ValueError for anything else."""
        facts: dict[str, Any] = json.loads(text)
        unknown = facts.keys() - _DEFAULTS.keys()
        if unknown or "format" not in facts:
            raise ValueError(f"no header record, or one with {len(unknown)} unknown facts")
        return _made(_DEFAULTS | {n: _NESTED[n](v) if n in _NESTED else _frozen(v) for n, v in facts.items()})


def _made(facts: dict[str, Any]) -> Header:
    """Of all its fields.  The ``__init__`` of a frozen dataclass sets one after the other, at six times the cost."""
    header = object.__new__(Header)
    vars(header).update(facts)
    return header


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _frame(values: list[Any]) -> Frame:
    return Frame._make([*map(_frozen, values[:-1]), Facets.of(values[-1])])


_ENCODED = json.JSONEncoder(separators=(",", ":")).encode
_DEFAULTS = {f.name: f.default for f in fields(Header)}

_NESTED: dict[str, Callable[[Any], Any]] = {
    "pet": Pet._make,
    "annotation": Annotation.from_values,
    "facets": Facets.of,
    "frames": lambda frames: tuple(map(_frame, frames)),
    "detached": Detached._make,
}
"""How what JSON makes of tuples in tuples becomes a value again."""
