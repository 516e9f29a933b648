"""Volumes with labels on them for the tests of the export, and a DICOM segmentation read by hand."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from pipeline.archive.formats.child import Child
from pipeline.archive.origin import Origin, origin
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.export.published import Content
from pipeline.grid import Grid
from pipeline.structure import Structure
from pipeline.volume import Volume
from tests.archive import makers

LUNGS = (
    Structure(1, "left lung", "44029006", "Left lung"),
    Structure(2, "right lung", "3341006", "Right lung"),
    Structure(7, "something else"),
)


def sagittal(k: int, ds: Dataset) -> None:
    """Slices from the patient's left to his right, rows from head to foot, columns from back to front."""
    ds.ImageOrientationPatient = [0, -1, 0, 0, 0, -1]
    ds.ImagePositionPatient = [40.5 - 2.5 * k, 20.25, 100.0]


def rough(k: int, ds: Dataset) -> None:
    """Cosines of 30 degrees in four decimals, the last of which differs from slice to slice."""
    ds.ImageOrientationPatient = [1, 0, 0, 0, 0.8660 + k % 2 * 0.0001, 0.5]
    ds.ImagePositionPatient = [-12.5, 20.25 - 1.25 * k, round(100 + 2.5 * 0.8660254038 * k, 6)]


SERIES: dict[str, dict[str, Any]] = {
    "axial": {},
    "oblique": {"oblique": True, "shape": (23, 29)},
    "sagittal": {"shape": (20, 28), "spacing": (2.5, 0.8, 1.3), "edit": sagittal},
    "rough": {"edit": rough},
    "reversed": {"edit": lambda k, ds: setattr(ds, "InstanceNumber", 99 - k)},
}
"""What ``makers.ct_series`` is told."""


def sources(folder: Path, series: Mapping[str, Mapping[str, Any]]) -> dict[str, Origin]:
    """Series below ``folder/<name>``, written, scanned with a vault in ``folder/vault``, and read."""
    vault = Vault.create(folder / "vault")
    named = {}
    for seed, (name, facts) in enumerate(series.items()):
        makers.ct_series(folder / name, **{"seed": seed} | facts)
        named[vault.pseudonym("series", makers.uid("series", seed))] = name
    found = {}
    with Child() as child:
        for row in scan([folder / name for name in series], vault).series.to_pylist():
            made = origin(vault, row["volume_id"], row["edition"], child)
            assert made is not None
            found[named[row["series_id"]]] = made
    return found


def labels(grid: Grid, seed: int = 5) -> Volume:
    """Values 0, 1, 2 and 7, without symmetry; the first and last slices are empty."""
    values = np.random.default_rng(seed).choice(np.array([0, 0, 0, 1, 2, 7], "u1"), grid.shape)
    values[[0, -1]] = 0
    return Volume(values, grid, "labels")


def content(volume: Volume, **changes: Any) -> Content:
    return Content(
        **{
            "volume": volume,
            "output": "lungs",
            "volume_id": "ab" * 16,
            "recipe": "ct-lungs",
            "fingerprint": "cd" * 32,
            "facts": {"modality": "CT", "units": "HU", "spacing_source": "pixel"},
            "structures": LUNGS if volume.kind == "labels" else (),
            "by_network": volume.kind == "labels",
        }
        | changes
    )


class Frame(NamedTuple):
    """Of a segmentation: (rows, columns) of labels, what it refers to, its affine (row, column, 1) -> LPS mm."""

    labels: np.ndarray
    instance: str
    affine: np.ndarray


def frames(encoded: bytes) -> list[Frame]:
    """Every frame of a segmentation; of BINARY, with the label that is the number of its segment."""
    ds = pydicom.dcmread(BytesIO(encoded))
    shape = (ds.NumberOfFrames, ds.Rows, ds.Columns)
    if ds.SegmentationType == "BINARY":
        assert ds.BitsAllocated == 1
        assert len(ds.PixelData) == -(-np.prod(shape) // 16) * 2
        bits = np.unpackbits(np.frombuffer(ds.PixelData, "u1"), bitorder="little")
        assert not bits[np.prod(shape) :].any()
        array = bits[: np.prod(shape)].reshape(shape)
    else:
        array = ds.pixel_array.reshape(shape)
    (shared,) = ds.SharedFunctionalGroupsSequence
    (measures,), (plane,) = shared.PixelMeasuresSequence, shared.PlaneOrientationSequence
    along_row, along_column = np.reshape(plane.ImageOrientationPatient, (2, 3)).astype(float)
    between_rows, between_columns = map(float, measures.PixelSpacing)
    found = []
    for n, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        segment = 1
        if ds.SegmentationType == "BINARY":
            owner = group if "SegmentIdentificationSequence" in group else shared
            segment = owner.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        (image,) = group.DerivationImageSequence[0].SourceImageSequence
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        affine = np.stack([along_column * between_rows, along_row * between_columns, position], axis=1)
        found.append(Frame(array[n].astype(int) * segment, image.ReferencedSOPInstanceUID, affine))
    return found


def together(encoded: bytes, instances: list[str], shape: tuple[int, int, int]) -> np.ndarray:
    """(k, j, i) labels, by the instance that every frame refers to."""
    whole = np.zeros(shape, int)
    for frame in frames(encoded):
        plane = whole[instances.index(frame.instance)]
        assert not (plane[frame.labels > 0]).any()
        plane += frame.labels
    return whole
