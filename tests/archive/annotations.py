"""Small segmentations and structure sets for tests, of the images that ``makers.ct_series`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    SegmentationStorage,
)

from tests.archive.makers import uid, write

LabelMapSegmentationStorage = "1.2.840.10008.5.1.4.1.1.66.7"
LIVER, TISSUE = ("10200004", "SCT", "Liver"), ("85756007", "SCT", "Tissue")


def item(**values: Any) -> Dataset:
    """A data set of these attributes."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def segment(number: int, label: str = "", kind: tuple[str, str, str] = LIVER, **more: Any) -> Dataset:
    """An item of the Segment Sequence."""
    return item(
        SegmentNumber=number,
        SegmentLabel=label or f"segment {number}",
        SegmentAlgorithmType="MANUAL",
        SegmentedPropertyCategoryCodeSequence=[code(*TISSUE)],
        SegmentedPropertyTypeCodeSequence=[code(*kind)],
        **more,
    )


def blank(source: Dataset, sop_class: str, modality: str, *of: object) -> Dataset:
    """An object of the patient, study and frame of reference of an image."""
    made = item(
        SOPClassUID=sop_class,
        SOPInstanceUID=uid(modality, *of),
        SeriesInstanceUID=uid(modality, "series", *of),
        Modality=modality,
        Manufacturer="Maker",
        **{
            keyword: source[keyword].value
            for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "FrameOfReferenceUID")
        },
    )
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def segmentation(
    path: Path,
    images: Sequence[Path],
    segments: Mapping[int, np.ndarray],
    kind: str = "BINARY",
    *,
    labels: Mapping[int, str] | None = None,
    start: tuple[int, int] = (0, 0),
    references: bool = True,
    syntax: str = ExplicitVRLittleEndian,
    **overrides: Any,
) -> Path:
    """``segments``: number -> mask [k, j, i] on the images; of FRACTIONAL stored values.

    Empty frames are left out, and frames stand in no order.  ``start`` is the (j, i) of the images at which the masks
    begin.  Of a LABELMAP the masks make one map.
    """
    sources = [dcmread(image) for image in images]
    first = sources[0]
    made = blank(first, LabelMapSegmentationStorage if kind == "LABELMAP" else SegmentationStorage, "SEG", str(path))
    frames = [(k, n, mask[k]) for n, mask in segments.items() for k in range(len(mask)) if mask[k].any()]
    if kind == "LABELMAP":
        whole = sum(mask.astype("u2") * n for n, mask in segments.items())
        frames = [(k, 0, whole[k]) for k in range(len(whole)) if whole[k].any()]
    frames = frames[::2] + frames[1::2]
    bits = {"BINARY": 1, "FRACTIONAL": 8, "LABELMAP": 8 if max(segments) < 256 else 16}[kind]
    stack = np.stack([frame for _, _, frame in frames]) if frames else np.zeros((1, 2, 2), "u1")
    data = np.packbits(stack.astype(bool), bitorder="little") if bits == 1 else stack.astype(f"<u{bits // 8}")
    rows, columns = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    down, along = (float(x) for x in first.PixelSpacing)
    shift = start[0] * down * columns + start[1] * along * rows
    facts: dict[str, Any] = {
        "ImageType": ["DERIVED", "PRIMARY"],
        "SegmentationType": kind,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "NumberOfFrames": len(stack),
        "Rows": stack.shape[1],
        "Columns": stack.shape[2],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        "SegmentSequence": [segment(n, (labels or {}).get(n, "")) for n in segments],
        "SharedFunctionalGroupsSequence": [
            item(
                PlaneOrientationSequence=[item(ImageOrientationPatient=list(first.ImageOrientationPatient))],
                PixelMeasuresSequence=[
                    item(PixelSpacing=list(first.PixelSpacing), SliceThickness=first.SliceThickness)
                ],
            )
        ],
        "PerFrameFunctionalGroupsSequence": [
            item(
                PlanePositionSequence=[
                    item(
                        ImagePositionPatient=[
                            round(float(x), 9) for x in np.array(sources[k].ImagePositionPatient, float) + shift
                        ]
                    )
                ],
                **({} if kind == "LABELMAP" else {"SegmentIdentificationSequence": [item(ReferencedSegmentNumber=n)]}),
            )
            for k, n, _ in frames
        ],
        "PixelData": data.tobytes() + bytes(data.nbytes % 2),
    }
    if kind == "FRACTIONAL":
        facts |= {"SegmentationFractionalType": "OCCUPANCY", "MaximumFractionalValue": 200}
    if references:
        facts["ReferencedSeriesSequence"] = [
            item(
                SeriesInstanceUID=first.SeriesInstanceUID,
                ReferencedInstanceSequence=[
                    item(ReferencedSOPClassUID=s.SOPClassUID, ReferencedSOPInstanceUID=s.SOPInstanceUID)
                    for s in sources
                ],
            )
        ]
    for keyword, value in (facts | overrides).items():
        if value is not None:
            setattr(made, keyword, value)
    if "PixelData" in made:
        made["PixelData"].VR = "OW" if bits == 16 else "OB"
    made.file_meta.TransferSyntaxUID = syntax
    return write(made, path)


def contour(points: np.ndarray, kind: str = "CLOSED_PLANAR", image: str = "", **more: Any) -> Dataset:
    """An item of the Contour Sequence from (n, 3) LPS mm, printed to a thousandth of a millimetre."""
    named = {} if not image else {"ContourImageSequence": [item(ReferencedSOPInstanceUID=image)]}
    data = [f"{x:.3f}" for x in np.ravel(points)]
    return item(ContourGeometricType=kind, NumberOfContourPoints=len(points), ContourData=data, **named, **more)


def structure_set(
    path: Path,
    images: Sequence[Path],
    rois: Mapping[int, Sequence[Dataset]],
    *,
    names: Mapping[int, str] | None = None,
    kinds: Mapping[int, str] | None = None,
    frame: str | None = None,
    series: str | None = None,
    **overrides: Any,
) -> Path:
    """``rois``: ROI Number -> contours; they refer to the images' series and frame of reference."""
    first = dcmread(images[0])
    made = blank(first, RTStructureSetStorage, "RTSTRUCT", str(path))
    lies = frame or first.FrameOfReferenceUID
    made.ReferencedFrameOfReferenceSequence = [
        item(
            FrameOfReferenceUID=lies,
            RTReferencedStudySequence=[
                item(
                    ReferencedSOPInstanceUID=first.StudyInstanceUID,
                    RTReferencedSeriesSequence=[item(SeriesInstanceUID=series or first.SeriesInstanceUID)],
                )
            ],
        )
    ]
    made.StructureSetROISequence = [
        item(ROINumber=n, ReferencedFrameOfReferenceUID=lies, ROIName=(names or {}).get(n, f"roi {n}")) for n in rois
    ]
    made.ROIContourSequence = [item(ReferencedROINumber=n, ContourSequence=list(own)) for n, own in rois.items()]
    made.RTROIObservationsSequence = [
        item(
            ObservationNumber=n, ReferencedROINumber=n, RTROIInterpretedType=(kinds or {}).get(n, ""), ROIInterpreter=""
        )
        for n in rois
    ]
    for keyword, value in overrides.items():
        setattr(made, keyword, value)
    return write(made, path)
