"""A small archive and a workspace for it: what the tests of the engine run on."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from pipeline import recipe as recipes
from pipeline.engine import driver
from pipeline.engine.workspace import Workspace
from pipeline.recipe import Recipe
from pipeline.yaml_text import parse
from tests.archive.makers import ct_series, nifti, uid, voxels

BODY = """\
name: body
where: "modality = 'CT'"
stages:
  - {use: resample, spacing: [2.0, 1.0, 1.0], keep: ct}
  - {use: window, center: 40, width: 400, keep: image}
  - {use: threshold, from: ct, lower: -100, closing_mm: 2, largest: true, keep: body}
"""


def archive(folder: Path, series: int = 3) -> Path:
    """CT series as DICOM, one of them with two images at one place, and a NIfTI with a mask."""
    for n in range(series):
        ct_series(folder / f"ct{n}", n=6, seed=n, SeriesInstanceUID=uid("series", n), PatientName=f"Sentinel^{n}")
    ct_series(folder / "twice", n=7, seed=90, edit=_twice, SeriesInstanceUID=uid("series", "twice"))
    array = voxels((5, 20, 24), 7)
    nifti(folder / "nii" / "sub-1_ct.nii.gz", array - np.int16(1024))
    nifti(folder / "nii" / "sub-1_mask.nii.gz", (array > 1200).astype("u1"))
    (folder / "notes.txt").write_text("not an image")
    return folder


def _twice(k: int, image: Dataset) -> None:
    if k == 4:
        image.ImagePositionPatient = [-12.5, 20.25, 100.0 + 3 * 2.5]


def recipe(text: str = BODY) -> Recipe:
    return recipes.build(parse(text, "test"))


def workspace(root: Path, source: Path | None = None, name: str = "out") -> Workspace:
    """OUT below ``root`` with the vault beside it, scanned if a source is named."""
    opened = Workspace.open(root / name, root / "vault", [] if source is None else [source])
    if source is not None:
        opened.scan([source])
    return opened


def run(held: Workspace, text: str = BODY, **options: Any) -> driver.Summary:
    """Run in this process unless told otherwise."""
    how = driver.Options(**{"workers": 0} | options)
    return driver.run(held, recipe(text), text, how, lambda done, total: None)


def published(out: Path) -> dict[str, str]:
    """sha256 of every file whose bytes no clock and no host may touch (L4)."""
    names = ["raw", "derived", "catalog"]
    paths = [p for name in names for p in (out / name).rglob("*") if p.is_file()]
    tables = ["series", "volumes", "volume_qa", "structure_qa"]
    paths += [out / "report" / f"{table}.parquet" for table in tables]
    return {p.relative_to(out).as_posix(): sha256(p.read_bytes()).hexdigest() for p in sorted(paths)}


def everything(out: Path) -> dict[str, tuple[str, int]]:
    """Bytes and times of every file of OUT."""
    files = sorted(p for p in out.rglob("*") if p.is_file())
    return {p.relative_to(out).as_posix(): (sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}


def positions(affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """LPS mm of the eight corner voxels."""
    corners = np.stack(np.meshgrid(*[[0, n - 1] for n in shape], indexing="ij"), -1).reshape(-1, 3)
    return corners @ affine[:3, :3].T + affine[:3, 3]
