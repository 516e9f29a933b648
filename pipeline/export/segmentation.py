"""A label map as a DICOM segmentation of its own series: BINARY or LABELMAP, DICOM PS3.3 A.51.

Every frame lies where a slice of the source lies, and names it.  Nothing in the file depends on when or where it was
written: UIDs follow from the fingerprint, times are those of the source.
"""

from __future__ import annotations

import logging
import uuid
import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Literal

import highdicom
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    RLELossless,
)

import pipeline
from pipeline.archive.formats.identifying import legal
from pipeline.archive.origin import Origin
from pipeline.export.coding import CATEGORIES, UNSPECIFIC
from pipeline.export.onto import onto
from pipeline.export.published import Content
from pipeline.export.refusal import Refusal, Refused
from pipeline.structure import Structure

Kind = Literal["binary", "labelmap"]

_NAMESPACE = uuid.UUID("6f0a1c5e-52a4-5b0c-9d3f-0f5f8c1d7a11")
_SERIES_NUMBER = 9000
_UNDATED, _MIDNIGHT = "19000101", "000000"
"""Content Date must have a value; this one where the source states no date at all."""

_REFERENCED_CLASS, _REFERENCED_INSTANCE = "ReferencedSOPClassUID", "ReferencedSOPInstanceUID"

_MOST = 65535

for _library in ("highdicom", "pydicom"):
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)  # they log values of headers


def encode(content: Content, origin: Origin, kind: Kind) -> dict[str, bytes]:
    """{``.dcm``: the bytes of the file}.

    A label map on another grid is brought onto the slices of the source first.  BINARY numbers its segments from 1 in
    the order of the labels; LABELMAP keeps the labels.  Frames without a label are left out.

    Raises
    ------
    Refused
        MULTIFRAME, NOTHING_LABELLED, TOO_MANY_LABELS.
    """
    if any(header.parts > 1 for header in origin.instances):
        raise Refused(Refusal.MULTIFRAME)
    structures = content.structures
    if not structures:
        raise Refused(Refusal.NOTHING_LABELLED)
    if structures[-1].value > _MOST:
        raise Refused(Refusal.TOO_MANY_LABELS)
    numbers = [s.value if kind == "labelmap" else n for n, s in enumerate(structures, 1)]
    labels = onto(content.volume, origin.grid).array
    day, time = _moment(origin.texts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's hold values of headers
        made = _Derived(
            source_images=_sources(content, origin),
            pixel_array=_renumbered(labels, [s.value for s in structures], numbers),
            segmentation_type=kind.upper(),
            segment_descriptions=[_segment(content, s, n) for s, n in zip(structures, numbers, strict=True)],
            series_instance_uid=_uid(content, kind, "series"),
            series_number=_SERIES_NUMBER,
            sop_instance_uid=_uid(content, kind, "instance"),
            instance_number=1,
            manufacturer="scanmill",
            manufacturer_model_name=f"recipe {content.recipe}",
            software_versions=pipeline.__version__,
            device_serial_number=content.fingerprint[:16],
            content_label=_code_string(content.output),
            content_description=f"{content.output} of recipe {content.recipe}"[:64],
            series_description=f"scanmill {content.recipe} {content.output}"[:64],
            transfer_syntax_uid=ExplicitVRLittleEndian,
            specific_character_set="ISO_IR 192",
            content_date=day,
            content_time=time,
        )
        _settle(made, content, origin, kind)
        if kind == "labelmap":  # one bit a voxel is small as it is
            # By name: pydicom would take GDCM first, which aborts on frames of an odd number of voxels.
            made.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
        buffer = BytesIO()
        made.save_as(buffer, enforce_file_format=True)
    return {".dcm": buffer.getvalue()}


class _Derived(Segmentation):
    """Of its source it repeats what ``Origin`` has read, whatever the class of the source's images."""

    def copy_patient_and_study_information(self, dataset: Dataset) -> None:
        for keyword in ("IssuerOfPatientID", "StudyDescription", "PatientIdentityRemoved", "DeidentificationMethod"):
            if keyword in dataset:
                setattr(self, keyword, dataset.get(keyword))

    def copy_specimen_information(self, dataset: Dataset) -> None:
        """None is read."""


def _sources(content: Content, origin: Origin) -> list[Dataset]:
    """The instances as highdicom wants them, without pixels.

    It knows the standard's classes only, and takes some for multi-frame: here all are of one that it takes as they
    are, and ``_settle`` puts the true classes in.  Slices share one orientation and one pixel spacing, as the gate saw
    to it; each keeps its own position.
    """
    texts, first = origin.texts, origin.instances[0]
    shared = Dataset()
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(shared, keyword, texts.get(keyword, ""))
    for keyword in ("StudyDate", "StudyTime", "ReferringPhysicianName"):
        setattr(shared, keyword, texts.get(keyword, ""))
    for keyword in ("IssuerOfPatientID", "StudyDescription", "PatientIdentityRemoved", "DeidentificationMethod"):
        if keyword in texts:
            setattr(shared, keyword, texts[keyword])
    if shared.PatientSex not in ("M", "F", "O"):
        shared.PatientSex = ""
    shared.StudyInstanceUID, shared.SeriesInstanceUID = first.study, first.series
    shared.Modality = first.modality
    _, shared.Rows, shared.Columns = origin.grid.shape
    if any(h.lossy for h in origin.instances):
        shared.LossyImageCompression = "01"
        for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            if keyword in texts:
                setattr(shared, keyword, texts[keyword])
    if origin.anatomical:
        shared.FrameOfReferenceUID = _frame_of_reference(content, origin)
        shared.PositionReferenceIndicator = texts.get("PositionReferenceIndicator", "")
        shared.ImageOrientationPatient = list(first.orientation or ())
        shared.PixelSpacing = list(first.spacing or origin.grid.spacing[1:])
        stated = first.slice_thickness or 0.0
        shared.SliceThickness = stated if stated > 0 else origin.grid.spacing[0]
    images = []
    for header in origin.instances:
        image = Dataset()
        image.update(shared)
        image.SOPClassUID, image.SOPInstanceUID = _stand_in(origin), header.instance
        if origin.anatomical:
            image.ImagePositionPatient = list(header.position or ())
        images.append(image)
    return images


def _stand_in(origin: Origin) -> str:
    """A class of single frames: one that needs a place in the patient, or one that does not."""
    return CTImageStorage if origin.anatomical else DigitalXRayImageStorageForPresentation


def _frame_of_reference(content: Content, origin: Origin) -> str:
    """That of the source: of its first slice, where de-identification gave every one its own.  One made up for none."""
    stated = origin.instances[0].frame_of_reference
    return stated if stated and legal("FrameOfReferenceUID", stated) else _uid(content, "", "frame of reference")


def _moment(texts: Mapping[str, str]) -> tuple[str, str]:
    """Content Date and Time: those of the source's content, else its acquisition, series, study."""
    for what in ("Content", "Acquisition", "Series", "Study"):
        if f"{what}Date" in texts:
            return texts[f"{what}Date"], texts.get(f"{what}Time", _MIDNIGHT)
    return _UNDATED, _MIDNIGHT


def _segment(content: Content, structure: Structure, number: int) -> SegmentDescription:
    category = Code(structure.category, "SCT", CATEGORIES.get(structure.category, "Segmentation property"))
    meaning = (structure.meaning or structure.name)[:64]
    property_type = Code(structure.code, "SCT", meaning) if structure.code else _unspecific()
    family = ("123110", "Artificial Intelligence") if content.by_network else ("123104", "Morphological Operations")
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=f"scanmill {content.recipe}"[:64],
        family=Code(family[0], "DCM", family[1]),  # PS3.16 CID 7162
        version=f"{pipeline.__version__} {content.fingerprint[:16]}"[:64],
        source="scanmill",
    )
    return SegmentDescription(number, structure.name[:64], category, property_type, "AUTOMATIC", algorithm)


def _unspecific() -> Code:
    return Code(UNSPECIFIC, "SCT", CATEGORIES[UNSPECIFIC])


def _renumbered(labels: np.ndarray, values: list[int], numbers: list[int]) -> np.ndarray:
    table = np.zeros(max(values) + 1, np.min_scalar_type(max(numbers)))
    table[values] = numbers
    return table[labels]


def _settle(made: Dataset, content: Content, origin: Origin, kind: Kind) -> None:
    """Put in what highdicom makes up or does not know."""
    classes = {header.instance: header.sop_class for header in origin.instances}

    def refer(dataset: Dataset, element: Any) -> None:
        if element.tag == Tag(_REFERENCED_CLASS):
            dataset.ReferencedSOPClassUID = classes[dataset.ReferencedSOPInstanceUID]

    if set(classes.values()) != {_stand_in(origin)}:
        made.walk(refer)
    if not origin.anatomical:
        made.PatientOrientation = ""
    organization = _uid(content, kind, "dimension organization")
    for sequence in (made.DimensionOrganizationSequence, made.DimensionIndexSequence):
        for item in sequence:
            item.DimensionOrganizationUID = organization
    del made.InstanceCreationDate, made.InstanceCreationTime
    for equipment in made.ContributingEquipmentSequence:
        del equipment.ContributionDateTime
    bits = made.NumberOfFrames * made.Rows * made.Columns * made.BitsAllocated
    made.PixelData = made.PixelData[: -(-bits // 8)]
    made.PixelData += bytes(len(made.PixelData) % 2)  # it pads with the digit 0


def _code_string(name: str) -> str:
    """A CS of DICOM PS3.5 6.2: at most 16 upper-case letters, digits, spaces, underscores."""
    return name.upper().replace("-", "_").replace("/", " ")[:16]


def _uid(content: Content, kind: str, what: str) -> str:
    """A UID under 2.25 (DICOM PS3.5 B.2) from a name-based UUID of what was made from what, by which version."""
    parts = (content.volume_id, content.recipe, content.fingerprint, content.output, kind, what, pipeline.__version__)
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(0).join(parts)).int}"
