"""Uptake values of real PET, against the formula applied to the headers by pydicom."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pydicom
import pytest

from pipeline.store import omezarr

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

RECIPE = """
name: pet
where: "modality = 'PT'"
stages:
  - {use: suv, keep: suv}
"""


def run(source: Path, root: Path) -> list[dict]:
    (root / "pet.yaml").write_text(RECIPE)
    command = [Path(sys.executable).with_name("scanmill"), "run", root / "pet.yaml", "-o", root / "out", source]
    done = subprocess.run(
        [*map(str, command), "--vault", str(root / "vault"), "--json", "--no-progress"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["exit_code"] == 0
    rows = pq.read_table(root / "out" / "report" / "volumes.parquet").to_pylist()
    return [row for row in rows if row["recipe"] == "pet"]


def slices(source: Path) -> list[pydicom.Dataset]:
    found = []
    for path in source.rglob("*"):
        if path.is_file() and path.read_bytes()[128:132] == b"DICM":
            dataset = pydicom.dcmread(path)
            if dataset.Modality == "PT":
                found.append(dataset)
    return found


def activity(datasets: list[pydicom.Dataset]) -> np.ndarray:
    ordered = sorted(datasets, key=lambda d: d.ImagePositionPatient[2])
    return np.stack([d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept) for d in ordered])


def test_activity_becomes_uptake_by_the_clock_of_injection(data, tmp_path):
    source = data("pet-wholebody-seg")
    (row,) = run(source, tmp_path)
    images = slices(source)
    first = images[0]
    injected, began = 11 * 3600 + 39 * 60, 13 * 3600 + 2 * 60 + 44.678
    sequence = first.RadiopharmaceuticalInformationSequence[0]
    assert (sequence.RadiopharmaceuticalStartTime, first.SeriesTime) == ("113900.000000", "130244.678000")
    left = float(sequence.RadionuclideTotalDose) * 0.5 ** ((began - injected) / float(sequence.RadionuclideHalfLife))
    expected = activity(images) * (float(first.PatientWeight) * 1000 / left)
    made = omezarr.read(tmp_path / "out" / row["path"] / "suv").array
    np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-6)
    assert 5 < made.max() < 200


def test_what_is_in_g_per_ml_stays(data, tmp_path):
    source = data("ibsi-sts-ct-mr-pet")
    rows = run(source, tmp_path)
    by_size = {}
    for dataset in slices(source):
        by_size.setdefault(dataset.SeriesInstanceUID, []).append(dataset)
    expected = {activity(images).shape: activity(images) for images in by_size.values()}
    volumes = [omezarr.read(tmp_path / "out" / row["path"] / "suv").array for row in rows]
    dicom = [made for made in volumes if made.shape in expected]
    assert len(dicom) >= len(expected) == 3
    for made in dicom:
        np.testing.assert_allclose(made, expected[made.shape], rtol=1e-6, atol=1e-6)
