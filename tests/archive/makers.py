"""Small files for tests: DICOM by pydicom, NIfTI by nibabel, MHA and NRRD by SimpleITK."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

Edit = Callable[[int, Dataset], None]
"""Called with the slice number and its dataset right before it is written."""

TURN = ((0.8, 0.6, 0.0), (-0.48, 0.64, 0.6))
"""Row and column cosines of an oblique slice; exact decimals, unit length, perpendicular."""


def uid(*of: object) -> str:
    """The same words, the same UID."""
    return generate_uid(entropy_srcs=[repr(word) for word in of])


def orientation(oblique: bool = False) -> np.ndarray:
    """(2, 3): direction cosines along a row (increasing column), along a column (increasing row)."""
    return np.array(TURN) if oblique else np.eye(3)[:2]


def affine(
    spacing: tuple[float, float, float] = (2.5, 0.8, 0.8),
    oblique: bool = False,
    origin: tuple[float, float, float] = (-12.5, 20.25, 100.0),
) -> np.ndarray:
    """(4, 4): index (k, j, i, 1) -> LPS mm of what ``ct_series`` writes; k along row x column."""
    row, column = orientation(oblique)
    frame = np.eye(4)
    for axis, direction in enumerate((np.cross(row, column), column, row)):
        frame[:3, axis] = direction * spacing[axis]
    frame[:3, 3] = origin
    return frame


def voxels(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """int16 stored values of 0..4095, smooth with noise, no two slices alike."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(shape[0]) * 40, np.add.outer(np.arange(shape[1]), np.arange(shape[2])))
    return np.clip(900 + ramp + rng.integers(-60, 60, shape), 0, 4095).astype("i2")


def volumes(shape: tuple[int, int, int, int]) -> np.ndarray:
    """Several of ``voxels``, none like another."""
    return np.stack([voxels(shape[1:], seed) for seed in range(shape[0])])


def dataset(pixels: np.ndarray, **overrides: Any) -> Dataset:
    """A CT image of ``pixels`` (rows, columns), int16 or uint16; an override of None removes the attribute."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    facts: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": uid("instance", pixels.tobytes()),
        "StudyInstanceUID": uid("study"),
        "SeriesInstanceUID": uid("series"),
        "FrameOfReferenceUID": uid("frame"),
        "PatientID": "PAT-0001",
        "PatientName": "Doe^Jane",
        "Modality": "CT",
        "Manufacturer": "Philips",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": 1,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "RescaleType": "HU",
        "PixelSpacing": [0.8, 0.8],
        "SliceThickness": 2.5,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0, 0, 0],
        "WindowCenter": 40,
        "WindowWidth": 400,
        "PixelData": pixels.tobytes(),
    }
    for keyword, value in (facts | overrides).items():
        if value is not None:
            setattr(ds, keyword, value)
    ds["PixelData"].VR = "OW"
    return ds


def write(ds: Dataset, path: Path) -> Path:
    """Write as the file meta says; big-endian pixel data are swapped first, as the syntax asks."""
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax == ExplicitVRBigEndian and "PixelData" in ds:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(
        path,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return path


def ct_series(
    folder: Path,
    n: int = 8,
    shape: tuple[int, int] = (32, 32),
    spacing: tuple[float, float, float] = (2.5, 0.8, 0.8),
    oblique: bool = False,
    intercept: float = -1024,
    seed: int = 0,
    edit: Edit | None = None,
    syntax: str = ExplicitVRLittleEndian,
    **overrides: Any,
) -> list[Path]:
    """``n`` slices ``0000.dcm`` ... in order of position; voxels are ``voxels((n, *shape), seed)``.

    ``edit(k, dataset)`` changes slice k before it is written, ``overrides`` change every slice (None
    removes the attribute).  Series and study UIDs follow from ``seed``.
    """
    frame, row_column = affine(spacing, oblique), orientation(oblique)
    paths = []
    for k, pixels in enumerate(voxels((n, *shape), seed)):
        facts = {
            "SOPInstanceUID": uid("instance", seed, k),
            "StudyInstanceUID": uid("study", seed),
            "SeriesInstanceUID": uid("series", seed),
            "FrameOfReferenceUID": uid("frame", seed),
            "InstanceNumber": k + 1,
            "RescaleIntercept": intercept,
            "PixelSpacing": list(spacing[1:]),
            "SliceThickness": spacing[0],
            "ImageOrientationPatient": row_column.ravel().round(9).tolist(),
            "ImagePositionPatient": (frame @ (k, 0, 0, 1))[:3].round(9).tolist(),
        }
        ds = dataset(pixels, **(facts | overrides))
        ds.file_meta.TransferSyntaxUID = syntax
        if edit is not None:
            edit(k, ds)
        paths.append(write(ds, folder / f"{k:04d}.dcm"))
    return paths


def without_pixels(path: Path, sop_class: str, **overrides: Any) -> Path:
    """A DICOM object that is no image: a report, a structure set, a plan."""
    ds = dataset(np.zeros((2, 2), "i2"), SOPClassUID=sop_class, SOPInstanceUID=uid("object", sop_class), **overrides)
    keep = {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName"}
    for keyword in [element.keyword for element in ds]:
        if keyword not in keep | set(overrides):
            delattr(ds, keyword)
    return write(ds, path)


def nifti(path: Path, array: np.ndarray, frame: np.ndarray | None = None, **header: Any) -> Path:
    """``array`` [k, j, i] on ``frame`` ((k, j, i, 1) -> LPS mm) as NIfTI-1; ``header`` sets raw header fields.

    sform and qform both hold the frame where it is free of shear, unless ``header`` says otherwise.
    """
    frame = affine() if frame is None else frame
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ frame @ np.eye(4)[[2, 1, 0, 3]]
    image = nibabel.Nifti1Image(np.ascontiguousarray(array.T), None)
    image.header.set_sform(ras, code=1)
    image.header.set_qform(ras, code=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    if header:
        for field, value in header.items():
            image.header[field] = value
        # nibabel recomputes scl_slope and both forms on saving: write the bytes ourselves.
        image.header["vox_offset"] = 352
        image.header["magic"] = b"n+1"
        data = image.header.binaryblock + b"\0" * 4 + np.asarray(image.dataobj).tobytes(order="F")
        with nibabel.openers.Opener(str(path), "wb") as file:
            file.write(data)
    else:
        nibabel.save(image, path)
    return path


def itk_image(path: Path, array: np.ndarray, frame: np.ndarray | None = None, compress: bool = False) -> Path:
    """``array`` [k, j, i] on ``frame`` ((k, j, i, 1) -> LPS mm) by SimpleITK: .mha, .nrrd, .nii ..."""
    frame = affine() if frame is None else frame
    spacing = np.linalg.norm(frame[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[::-1].tolist())
    image.SetOrigin(frame[:3, 3].tolist())
    image.SetDirection((frame[:3, :3] / spacing)[:, ::-1].ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), useCompression=compress)
    return path


_ENCODED: dict[str, Callable[[bytes], bytes]] = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}
_NRRD_TYPES = {"u1": "uchar", "i2": "short"}


def nrrd(path: Path, array: np.ndarray, encoding: str = "raw", **fields: str) -> Path:
    """``array`` in its own order as NRRD, with these fields; a field ``data_file`` puts the voxels beside it."""
    facts = {
        "type": _NRRD_TYPES[array.dtype.str[1:]],
        "dimension": str(len(fields["sizes"].split())),
        "space": "left-posterior-superior",
        "space_origin": "(0,0,0)",
        "encoding": encoding,
        "endian": "little",
    }
    lines = [f"{name.replace('_', ' ')}: {value}\n" for name, value in (facts | fields).items()]
    head, data = f"NRRD0005\n{''.join(lines)}", _ENCODED[encoding](np.ascontiguousarray(array).tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    if "data_file" in fields:
        path.write_text(head)
        (path.parent / fields["data_file"]).write_bytes(data)
    else:
        path.write_bytes(f"{head}\n".encode() + data)
    return path
