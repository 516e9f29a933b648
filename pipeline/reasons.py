"""Why a file or a series was not converted: a closed, add-only list.

A code is all that leaves the hospital: its text never holds a value read from a header.  The list is
published as ``schemas/reasons.json``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How a file ended.  Files found = the sum of the four (law L1)."""

    CONVERTED = "converted"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"
    DUPLICATE = "duplicate"


class Reason(StrEnum):
    """One code for one cause."""

    # Not ours to convert
    EMPTY_FILE = "EMPTY_FILE"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    SPECIAL_FILE = "SPECIAL_FILE"
    SYMLINK = "SYMLINK"
    DICOMDIR = "DICOMDIR"
    NO_PIXELS = "NO_PIXELS"
    RTSTRUCT = "RTSTRUCT"
    RTDOSE = "RTDOSE"
    SEGMENTATION = "SEGMENTATION"
    SECONDARY_CAPTURE = "SECONDARY_CAPTURE"
    LOCALIZER = "LOCALIZER"
    PROJECTION = "PROJECTION"
    ORPHAN_LABELS = "ORPHAN_LABELS"
    NO_REGIONS = "NO_REGIONS"
    # The same twice
    DUPLICATE_SOP = "DUPLICATE_SOP"
    # Bytes
    PERMISSION = "PERMISSION"
    UNREADABLE_IO = "UNREADABLE_IO"
    CHANGED = "CHANGED"
    TRUNCATED = "TRUNCATED"
    UNREADABLE = "UNREADABLE"
    PATH_UNSAFE = "PATH_UNSAFE"
    UNSUPPORTED_TS = "UNSUPPORTED_TS"
    DECODE_FAIL = "DECODE_FAIL"
    DECODER_CRASH = "DECODER_CRASH"
    DECODER_TIMEOUT = "DECODER_TIMEOUT"
    BOMB_DECLARED = "BOMB_DECLARED"
    ARCHIVE_UNSAFE = "ARCHIVE_UNSAFE"
    COLOR = "COLOR"
    INEXACT = "INEXACT"
    # Geometry
    MISSING_GEOMETRY = "MISSING_GEOMETRY"
    MISSING_SLICE = "MISSING_SLICE"
    IRREGULAR_SPACING = "IRREGULAR_SPACING"
    DUPLICATE_POSITION = "DUPLICATE_POSITION"
    DUPLICATE_SOP_CONFLICT = "DUPLICATE_SOP_CONFLICT"
    MIXED_ORIENTATION = "MIXED_ORIENTATION"
    MIXED_SPACING = "MIXED_SPACING"
    MIXED_SIZE = "MIXED_SIZE"
    MIXED_FRAME = "MIXED_FRAME"
    NON_ORTHOGONAL = "NON_ORTHOGONAL"
    GANTRY_TILT = "GANTRY_TILT"
    MULTIFRAME = "MULTIFRAME"
    NOT_3D = "NOT_3D"
    # Content
    NOTHING_LEFT = "NOTHING_LEFT"
    NO_CONTRAST = "NO_CONTRAST"
    NO_BIAS_FIELD = "NO_BIAS_FIELD"
    SUV_NOT_PET = "SUV_NOT_PET"
    SUV_UNITS = "SUV_UNITS"
    SUV_UNCORRECTED = "SUV_UNCORRECTED"
    SUV_INCOMPLETE = "SUV_INCOMPLETE"
    SUV_TIMES = "SUV_TIMES"
    SUV_MIXED = "SUV_MIXED"
    SEED_OUTSIDE = "SEED_OUTSIDE"
    SEED_MISMATCH = "SEED_MISMATCH"
    REGION_LEAK = "REGION_LEAK"
    MODEL_FOUND_NOTHING = "MODEL_FOUND_NOTHING"
    MODEL_MODALITY = "MODEL_MODALITY"
    MODEL_UNITS = "MODEL_UNITS"
    MODEL_OVERFLOW = "MODEL_OVERFLOW"
    # The run
    MODEL_MISSING = "MODEL_MISSING"
    DAMAGED = "DAMAGED"
    RECIPE_UNFIT = "RECIPE_UNFIT"
    TOO_LARGE = "TOO_LARGE"
    OOM_HOST = "OOM_HOST"
    POISON = "POISON"
    INTERNAL = "INTERNAL"


class Meaning(NamedTuple):
    """What a reason says: how the file ends, in words, and whether another run may end otherwise."""

    outcome: Outcome
    text: str
    retry: bool = False


_Q, _S, _D = Outcome.QUARANTINED, Outcome.SKIPPED, Outcome.DUPLICATE

MEANINGS: dict[Reason, Meaning] = {
    Reason.EMPTY_FILE: Meaning(_S, "the file has no bytes"),
    Reason.NOT_AN_IMAGE: Meaning(_S, "the content is none of DICOM, NIfTI, MHA or NRRD"),
    Reason.SPECIAL_FILE: Meaning(_S, "a pipe, socket or device, never opened"),
    Reason.SYMLINK: Meaning(_S, "a symbolic link, never followed"),
    Reason.DICOMDIR: Meaning(_S, "an index of other files"),
    Reason.NO_PIXELS: Meaning(_S, "a DICOM object without pixel data (report, presentation state, plan)"),
    Reason.RTSTRUCT: Meaning(_S, "contours of a radiotherapy structure set: labels where they lie on an image"),
    Reason.RTDOSE: Meaning(_S, "a dose distribution of a radiotherapy plan, not an acquired image"),
    Reason.SEGMENTATION: Meaning(_S, "a DICOM segmentation: labels of the image that it lies on"),
    Reason.SECONDARY_CAPTURE: Meaning(_S, "a secondary capture: a picture of a screen, not an acquisition"),
    Reason.LOCALIZER: Meaning(_S, "a localizer or reference survey"),
    Reason.PROJECTION: Meaning(_S, "a projection of a volume (MIP and the like)"),
    Reason.ORPHAN_LABELS: Meaning(_S, "labels without a converted image that they lie on, voxel for voxel"),
    Reason.NO_REGIONS: Meaning(_S, "a segmentation without frames, or a structure set without closed contours"),
    Reason.DUPLICATE_SOP: Meaning(_D, "the same SOP Instance UID with the same content was kept once already"),
    Reason.PERMISSION: Meaning(_Q, "the file may not be read by this user", retry=True),
    Reason.UNREADABLE_IO: Meaning(_Q, "the storage failed while reading the file", retry=True),
    Reason.CHANGED: Meaning(_Q, "the file changed between scan and run; scan again", retry=True),
    Reason.TRUNCATED: Meaning(_Q, "fewer bytes than the header promises"),
    Reason.UNREADABLE: Meaning(_Q, "the header cannot be parsed or lacks what pixel data need"),
    Reason.PATH_UNSAFE: Meaning(_Q, "the header names a data file that is no plain file of its own folder"),
    Reason.UNSUPPORTED_TS: Meaning(_Q, "no decoder for this transfer syntax"),
    Reason.DECODE_FAIL: Meaning(_Q, "the decoder refused the pixel data"),
    Reason.DECODER_CRASH: Meaning(_Q, "the decoder died on this file"),
    Reason.DECODER_TIMEOUT: Meaning(_Q, "the decoder did not end in time", retry=True),
    Reason.BOMB_DECLARED: Meaning(_Q, "the header declares more voxels than the limit allows"),
    Reason.ARCHIVE_UNSAFE: Meaning(
        _Q, "a zip or tar, or a file in one, that is damaged, encrypted, nested, ambiguous or compressed beyond reason"
    ),
    Reason.COLOR: Meaning(_Q, "more than one sample a pixel, or a palette"),
    Reason.INEXACT: Meaning(_Q, "whole numbers that neither 16-bit integers nor float32 hold exactly"),
    Reason.MISSING_GEOMETRY: Meaning(_Q, "no usable position, orientation or pixel spacing"),
    Reason.MISSING_SLICE: Meaning(_Q, "a gap of a whole number of slice distances"),
    Reason.IRREGULAR_SPACING: Meaning(_Q, "slice positions deviate from a regular stack by 0.01 mm or more"),
    Reason.DUPLICATE_POSITION: Meaning(_Q, "several images at one position: phases, echoes or copies"),
    Reason.DUPLICATE_SOP_CONFLICT: Meaning(_Q, "the same SOP Instance UID with different content"),
    Reason.MIXED_ORIENTATION: Meaning(_Q, "the images of the series are not parallel"),
    Reason.MIXED_SPACING: Meaning(_Q, "pixel spacing differs within the series"),
    Reason.MIXED_SIZE: Meaning(_Q, "rows or columns differ within the series"),
    Reason.MIXED_FRAME: Meaning(
        _Q, "several frames of reference, modalities, kernels, codings or rescale rules in one series"
    ),
    Reason.NON_ORTHOGONAL: Meaning(_Q, "row and column directions are not perpendicular unit vectors"),
    Reason.GANTRY_TILT: Meaning(
        _Q, "the slices are shifted sideways by more than their distance: no gantry tilts so far"
    ),
    Reason.MULTIFRAME: Meaning(_Q, "several frames in one DICOM object that do not say where they lie"),
    Reason.NOT_3D: Meaning(_Q, "more than three dimensions, or a vector at each voxel"),
    Reason.NOTHING_LEFT: Meaning(_Q, "a crop or its foreground holds no voxel of the volume"),
    Reason.NO_CONTRAST: Meaning(_Q, "there are no voxels to fit a normalisation to, or they are all equal"),
    Reason.NO_BIAS_FIELD: Meaning(
        _Q, "no bias field can be estimated: too few voxels along an axis, or nothing above 0 that varies in the mask"
    ),
    Reason.SUV_NOT_PET: Meaning(_Q, "uptake values are made of DICOM PET images only"),
    Reason.SUV_UNITS: Meaning(_Q, "the PET is in units of which no uptake value by body weight can be made"),
    Reason.SUV_UNCORRECTED: Meaning(_Q, "the PET is not corrected for attenuation, or its decay correction is unclear"),
    Reason.SUV_INCOMPLETE: Meaning(_Q, "body weight, injected dose or half-life is missing or cannot be meant"),
    Reason.SUV_TIMES: Meaning(_Q, "the times of injection and scan are missing or contradict each other"),
    Reason.SUV_MIXED: Meaning(_Q, "several injections, or images of one series that differ in what uptake values need"),
    Reason.SEED_OUTSIDE: Meaning(_Q, "a seed of region growing lies outside the volume"),
    Reason.SEED_MISMATCH: Meaning(_Q, "the intensity at a seed of region growing is not in its range"),
    Reason.REGION_LEAK: Meaning(_Q, "a grown region is larger, or reaches farther, than the recipe allows"),
    Reason.MODEL_FOUND_NOTHING: Meaning(_Q, "a network finds nothing of what it looks for"),
    Reason.MODEL_MODALITY: Meaning(_Q, "the network was not made for volumes of this modality"),
    Reason.MODEL_UNITS: Meaning(_Q, "the network was not made for intensities in these units"),
    Reason.MODEL_OVERFLOW: Meaning(_Q, "the network's numbers are none any more: name another precision"),
    Reason.MODEL_MISSING: Meaning(_Q, "a worker lacks the network, its weights or torch", retry=True),
    Reason.DAMAGED: Meaning(_Q, "the volume published in OUT is missing or fails its checksums", retry=True),
    Reason.RECIPE_UNFIT: Meaning(_Q, "the recipe asks for what this volume does not have"),
    Reason.TOO_LARGE: Meaning(_Q, "the work needs more memory than a worker has", retry=True),
    Reason.OOM_HOST: Meaning(_Q, "the worker ran out of memory", retry=True),
    Reason.POISON: Meaning(_Q, "the worker process died on this series, twice, alone", retry=True),
    Reason.INTERNAL: Meaning(_Q, "an error of this program: report it with the log line", retry=True),
}
