"""Two hundred series, each with two to four defects drawn at random: laws L1, L2, L5 and L6 hold for all of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pydicom
import pytest

from pipeline.engine.driver import Summary
from pipeline.engine.workspace import Workspace
from pipeline.store import omezarr
from tests.archive import makers
from tests.archive.defects import DEFECTS, Images, series
from tests.engine.jobs import run, workspace

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

MIXES, WHOLE = 200, 20

Done = tuple[Path, Workspace, Summary, Workspace, Summary]
"""The archive, its OUT and run; OUT and run of the whole series alone."""


def written(folder: Path, images: Images) -> list[Path]:
    paths = []
    for image in images:
        path = folder / image.name
        if image.data is None:
            makers.write(image.dataset, path)
        else:
            path.write_bytes(image.data)
        if image.length is not None:
            path.write_bytes(path.read_bytes()[: image.length])
        paths.append(path)
    return paths


@pytest.fixture(scope="module", params=[1])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The archive of all, run; and of the whole series alone."""
    root = tmp_path_factory.mktemp("mixes")
    rng = np.random.default_rng(request.param)
    for n in range(MIXES):
        images = series(n)
        for which in rng.choice(len(DEFECTS), int(rng.integers(2, 5)), replace=False):
            DEFECTS[which](images, rng)
        written(root / "archive" / f"mix{n:03d}", images)
    for n in range(MIXES, MIXES + WHOLE):
        for where in ("archive", "alone"):
            written(root / where / f"whole{n}", series(n))
    together = workspace(root, root / "archive")
    alone = workspace(root, root / "alone", "alone-out")
    return root / "archive", together, _raw(together), alone, _raw(alone)


def _raw(held: Workspace) -> Summary:
    return run(held, "name: raw\n")


def _truth(path: Path) -> tuple[bytes, np.ndarray] | None:
    """(stored values as they are rescaled, corners in LPS mm) of a file, by pydicom."""
    try:
        ds = pydicom.dcmread(path)
        stored = ds.pixel_array.astype("i8")
        if ds.BitsStored == 12:
            stored &= 0xFFF
        row, column = np.reshape(ds.ImageOrientationPatient, (2, 3)).astype("f8")
        j, i = map(float, ds.PixelSpacing)
        ends = [(0, 0), (0, ds.Columns - 1), (ds.Rows - 1, 0), (ds.Rows - 1, ds.Columns - 1)]
        corners = [np.array(ds.ImagePositionPatient, "f8") + b * i * row + a * j * column for a, b in ends]
        values = stored * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        return values.astype("f4").tobytes(), np.array(corners)
    except Exception:
        return None


def rows(held: Workspace, table: str) -> list[dict[str, Any]]:
    return pq.read_table(held.output.root / table).to_pylist()


def test_l1_every_file_has_one_end(done: Done) -> None:
    archive, _, summary, *_ = done
    found = summary.accounting
    assert found.found == sum(p.is_file() for p in archive.rglob("*"))
    assert found.found == found.converted + found.quarantined + found.skipped + found.duplicate
    assert found.pending == 0
    assert "INTERNAL" not in {str(reason) for reason in found.reasons}
    assert len(found.reasons) >= 10  # the mixes are worth their name


def test_l2_each_series_and_volume_once(done: Done) -> None:
    _, held, *_ = done
    series_ids = [row["series_id"] for row in rows(held, "report/series.parquet")]
    volumes = [(row["volume_id"], row["recipe"]) for row in rows(held, "report/volumes.parquet")]
    assert len(series_ids) == len(set(series_ids))
    assert len(volumes) == len(set(volumes))
    stacks = rows(held, "catalog/stacks/part-0.parquet")
    assert Counter(row["series_id"] for row in stacks).keys() == set(series_ids)
    made = {row["volume_id"] for row in rows(held, "report/volumes.parquet") if row["outcome"] == "converted"}
    assert made == {row["volume_id"] for row in stacks if row["volume_id"]}


def test_l5_every_slice_lies_where_its_own_header_says(done: Done) -> None:
    archive, held, *_ = done
    truths = defaultdict(list)
    for path in archive.rglob("*"):
        if path.is_file() and (known := _truth(path)):
            truths[known[0]].append(known[1])
    checked, partial = 0, Counter()
    for row in rows(held, "report/volumes.parquet"):
        volume = omezarr.read(held.output.root / row["path"])
        partial[row["partial"]] += 1
        _, rows_, columns = volume.array.shape
        for k, plane in enumerate(volume.array):
            places = truths[plane.astype("f4").tobytes()]
            ends = [(0, 0), (0, columns - 1), (rows_ - 1, 0), (rows_ - 1, columns - 1)]
            ours = np.array([volume.grid.position((k, j, i)) for j, i in ends])
            assert places, "a slice that no file holds"
            assert min(np.linalg.norm(ours - there, axis=1).max() for there in places) < 0.01
            checked += 1
    assert checked > 500
    assert partial["MISSING_SLICE"] > 3


def test_l6_what_is_whole_is_as_if_alone(done: Done) -> None:
    _, held, _, alone, summary = done
    hashes = {row["volume_id"]: row["sha256"] for row in rows(alone, "report/volumes.parquet")}
    assert len(hashes) == WHOLE == summary.accounting.converted // 9
    # Each has a vault key of its own, so ids differ; bytes of voxels do not.
    there = Counter(_voxels(held))
    for digest in _voxels(alone):
        assert there[digest] == 1


def _voxels(held: Workspace) -> list[bytes]:
    return [
        omezarr.read(held.output.root / row["path"]).array.tobytes() for row in rows(held, "report/volumes.parquet")
    ]
