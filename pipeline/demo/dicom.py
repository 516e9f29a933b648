"""DICOM objects of a patient who never lived.

Every free text field holds ``MARK``, so that a leak of any of them into an output is found by one search.
"""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

MARK = "SENTINEL"

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def uid(*parts: object) -> str:
    """A UID under 2.25 (DICOM PS3.5 B.2), a pure function of ``parts``."""
    digest = sha256("\0".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def ct(
    hu: np.ndarray,
    *,
    seed: int,
    series: str,
    number: int,
    position: tuple[float, float, float],
    spacing: tuple[float, float, float],
    orientation: tuple[float, ...] = AXIAL,
    kind: str = "AXIAL",
) -> bytes:
    """One CT image of ``hu`` (rows, columns) int16 >= -1024; position in LPS mm, spacing along k, j, i in mm."""
    ds = _common(seed, series, number, "CT", CTImageStorage)
    ds.ImageType = ["ORIGINAL", "PRIMARY", kind]
    ds.FrameOfReferenceUID = uid(seed, "frame", series)
    ds.ImagePositionPatient = [f"{v:.4f}" for v in position]
    ds.ImageOrientationPatient = [f"{v:.1f}" for v in orientation]
    ds.SliceThickness, *in_plane = (f"{v:.4f}" for v in spacing)
    ds.PixelSpacing = in_plane
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = "40", "400"
    ds.KVP, ds.ConvolutionKernel = "120", f"{MARK}30"
    _pixels(ds, (hu.astype(np.int32) + 1024).astype(np.uint16), "MONOCHROME2")
    return _file(ds)


def dx(stored: np.ndarray, *, seed: int, series: str, spacing: tuple[float, float]) -> bytes:
    """One digital X-ray of ``stored`` (rows, columns) uint16 in 0..4095, MONOCHROME1: low values are shown white."""
    ds = _common(seed, series, 1, "DX", DigitalXRayImageStorageForPresentation)
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.ImagerPixelSpacing = [f"{v:.4f}" for v in spacing]
    ds.PatientOrientation = ["L", "F"]
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LIN", 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "INVERSE"
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    _pixels(ds, stored, "MONOCHROME1")
    return _file(ds)


def _common(seed: int, series: str, number: int, modality: str, sop_class: str) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid(seed, series, number)
    ds.StudyInstanceUID = uid(seed, "study")
    ds.SeriesInstanceUID = uid(seed, "series", series)
    ds.Modality = modality
    ds.SeriesNumber, ds.InstanceNumber = "1", str(number)
    ds.PatientName = f"{MARK}NAME^ALFA"
    ds.PatientID = f"{MARK}-4711"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19010203", "O", "101Y"
    ds.PatientAddress = f"{MARK} Road 1"
    ds.AccessionNumber = f"{MARK}ACC"
    ds.StudyDate, ds.StudyTime = "20010203", "040506"
    ds.ReferringPhysicianName = f"{MARK}REFERRER^BETA"
    ds.OperatorsName = f"{MARK}OPERATOR^GAMMA"
    ds.InstitutionName = f"{MARK} Hospital"
    ds.Manufacturer, ds.ManufacturerModelName = f"{MARK} Works", f"{MARK} One"
    ds.StationName = f"{MARK}STATION"
    ds.StudyDescription = f"{MARK} study of NAME ALFA"
    ds.SeriesDescription = f"{MARK} {series}"
    ds.ProtocolName = f"{MARK} protocol"
    ds.ImageComments = f"{MARK} comment"
    block = ds.private_block(0x0009, f"{MARK} PRIVATE", create=True)
    block.add_new(0x01, "LO", f"{MARK} private")
    return ds


def _pixels(ds: Dataset, stored: np.ndarray, photometric: str) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, photometric
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = stored.astype("<u2").tobytes()


def _file(ds: Dataset) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()
