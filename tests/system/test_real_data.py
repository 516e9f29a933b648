"""The main job on real images, against SimpleITK and against the promises."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import SimpleITK

from pipeline.grid import Grid
from pipeline.store import omezarr
from pipeline.volume import Volume
from tests.engine.jobs import everything, positions

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]


def scanmill(*arguments, code):
    command = [Path(sys.executable).with_name("scanmill"), *map(str, arguments), "--json", "--no-progress"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def rows(out, table, **equal):
    found = pq.read_table(out / "report" / f"{table}.parquet").to_pylist()
    return [row for row in found if all(row[key] == value for key, value in equal.items())]


def affine(image):
    """(4, 4): index (k, j, i, 1) -> LPS mm of a SimpleITK image."""
    found = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    found[:3, :3] = (direction * image.GetSpacing())[:, ::-1]
    found[:3, 3] = image.GetOrigin()
    return found


def itk_image(volume: Volume):
    """The same voxels at the same places, for SimpleITK."""
    image = SimpleITK.GetImageFromArray(volume.array)
    columns = volume.grid.affine[:3, :3][:, ::-1]
    spacing = np.linalg.norm(columns, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((columns / spacing).ravel().tolist())
    image.SetOrigin(volume.grid.affine[:3, 3].tolist())
    return image


def itk_linear(volume: Volume, grid: Grid) -> np.ndarray:
    """SimpleITK's linear resampling of a volume to a grid, unrounded: to integers it truncates."""
    like = itk_image(Volume(np.zeros(grid.shape, "i2"), grid))
    made = SimpleITK.Resample(
        itk_image(volume), like, SimpleITK.Transform(), SimpleITK.sitkLinear, -1024, SimpleITK.sitkFloat32
    )
    return SimpleITK.GetArrayFromImage(made)


@pytest.fixture(scope="module")
def chest(data, tmp_path_factory):
    """(source, OUT, arguments) of ct-body over a full-size chest CT."""
    source = data("ct-chest-philips-lidc0314")
    root = tmp_path_factory.mktemp("chest")
    arguments = ("run", "ct-body", "-o", root / "out", source, "--vault", root / "vault")
    scanmill(*arguments, code=0)
    return source, root / "out", arguments


def test_the_raw_chest_is_what_simpleitk_reads(chest):
    source, out, _ = chest
    (row,) = rows(out, "volumes", recipe="raw")
    raw = omezarr.read(out / row["path"])
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(source / "data")))
    image = reader.Execute()
    array, frame = SimpleITK.GetArrayFromImage(image), affine(image)
    if np.dot(frame[:3, 0], raw.grid.affine[:3, 0]) < 0:
        frame[:3, 3] += frame[:3, 0] * (array.shape[0] - 1)
        frame[:3, 0] *= -1
        array = array[::-1]
    assert np.abs(positions(frame, array.shape) - positions(raw.grid.affine, raw.grid.shape)).max() < 0.01
    np.testing.assert_array_equal(raw.array, array)
    assert row["units"] == "HU"


def test_ct_is_simpleitks_linear_resampling_within_1_hu_borders_included(chest):
    _, out, _ = chest
    (raw_row,), (row,) = rows(out, "volumes", recipe="raw"), rows(out, "volumes", recipe="ct-body")
    raw, ct = omezarr.read(out / raw_row["path"]), omezarr.read(out / row["path"] / "ct")
    assert ct.array.dtype == np.int16
    assert np.abs(ct.array - itk_linear(raw, ct.grid)).max() <= 0.5 + 1e-3


def test_the_body_is_a_body_and_every_figure_is_there(chest):
    _, out, _ = chest
    (body,) = rows(out, "structure_qa")
    assert 8_000 < body["volume_ml"] < 25_000
    assert body["n_components"] == 1
    qa = rows(out, "volume_qa")
    assert {row["output"] for row in qa} == {"ct", "image"}
    assert not [(row["output"], name) for row in qa for name, value in row.items() if value is None]
    assert all(row["geometry_error_mm"] < 0.01 and row["ssim_global"] > 0.9 for row in qa)
    assert {"read", "decode", "compute", "qa", "write"} <= {row["step"] for row in rows(out, "costs")}


def test_a_second_run_writes_nothing_and_says_so(chest):
    _, out, arguments = chest
    before = everything(out)
    again = scanmill(*arguments, code=0)
    assert (again["made"], again["run_id"], again["changed"]) == (0, None, [])
    assert everything(out) == before


def test_both_forms_of_one_image_agree_and_masks_are_labels_of_their_images(data, tmp_path):
    source, out = data("ibsi-sts-ct-mr-pet"), tmp_path / "out"
    summary = scanmill("run", "raw", "-o", out, source, "--vault", tmp_path / "vault", code=0)
    assert "RTSTRUCT" not in summary["accounting"]["reasons"]
    volumes = [omezarr.read(out / row["path"]) for row in rows(out, "volumes")]
    series = {row["volume_id"]: row for row in rows(out, "series") if row["volume_id"]}
    pairs = 0
    by_format = {"dicom": [], "nifti": []}
    for row, volume in zip(rows(out, "volumes"), volumes, strict=True):
        by_format[series[row["volume_id"]]["format"]].append((row, volume))
    for row, _ in by_format["dicom"]:
        assert row["outputs"] == ["rtstruct"]
        (meant,) = omezarr.structures(out / row["path"] / "labels" / "rtstruct")
        assert (meant.value, meant.name) == (1, "gross tumor volume")
    for row, nifti in by_format["nifti"]:
        assert row["outputs"] == ["mask"]
        mask = omezarr.read(out / row["path"] / "labels" / "mask")
        assert mask.grid == nifti.grid
        assert set(np.unique(mask.array)) == {0, 1}
        for _, dicom in by_format["dicom"]:
            pairs += _same_place_same_voxels(dicom, nifti)
    assert (len(by_format["dicom"]), len(by_format["nifti"]), pairs) == (9, 9, 9)


def _same_place_same_voxels(a: Volume, b: Volume) -> bool:
    """Whether two volumes hold the same voxels at the same places, whichever way their axes run."""
    order = [int(np.abs(a.grid.affine[:3, :3].T @ column).argmax()) for column in b.grid.affine[:3, :3].T]
    if sorted(order) != [0, 1, 2]:
        return False
    array, frame = np.transpose(a.array, order), a.grid.affine[:, [*order, 3]]
    for axis in range(3):
        if frame[:3, axis] @ b.grid.affine[:3, axis] < 0:
            array = np.flip(array, axis)
            frame[:3, 3] += frame[:3, axis] * (array.shape[axis] - 1)
            frame[:3, axis] *= -1
    if array.shape != b.grid.shape:
        return False
    near = np.abs(positions(frame, array.shape) - positions(b.grid.affine, b.grid.shape)).max() < 0.01
    return bool(near and np.allclose(array, b.array, rtol=1e-5, atol=0.5))


def test_everything_at_once_is_accounted_for_and_nothing_of_it_is_touched(data, tmp_path):
    source, out = data(), tmp_path / "out"
    before = _snapshot(source)
    summary = scanmill("run", "raw", "-o", out, source, "--vault", tmp_path / "vault", code=3)
    found = summary["accounting"]
    assert found["found"] == len(before)
    assert found["found"] == sum(found[key] for key in ("converted", "quarantined", "skipped", "duplicate"))
    assert found["pending"] == 0
    assert _snapshot(source) == before
    assert all(row["geometry_error_mm"] < 0.01 for row in rows(out, "series", verdict="accepted"))


def _snapshot(folder: Path) -> dict[str, tuple[str, int]]:
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}
