"""A file of several volumes is a series of several stacks, each converted for itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from pipeline.archive.catalog import Catalog
from pipeline.archive.convert import Converted, convert
from pipeline.archive.entry import Entry
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.formats.process import Process
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine
from tests.archive import makers

ARRAY = makers.volumes((3, 4, 5, 6))
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
FRAME = np.array([[0, 0, 0.5, 1], [0, 0.75, 0, 2], [2.0, 0, 0, 3], [0, 0, 0, 1]])


def nii_gz(src: Path) -> Path:
    nibabel.save(nibabel.Nifti1Image(ARRAY.T, LPS @ FRAME @ np.eye(4)[[2, 1, 0, 3]]), src / "a.nii.gz")
    return src / "a.nii.gz"


def pair(src: Path) -> Path:
    nibabel.save(nibabel.Nifti2Pair(ARRAY.T, LPS @ FRAME @ np.eye(4)[[2, 1, 0, 3]]), src / "a.img")
    return src / "a.hdr"


def mhd(src: Path) -> Path:
    image = sitk.GetImageFromArray(ARRAY, isVector=False)
    image.SetSpacing((0.5, 0.75, 2.0, 1.0))
    image.SetOrigin((1.0, 2.0, 3.0, 0.0))
    sitk.WriteImage(image, str(src / "a.mhd"))
    return src / "a.mhd"


def nhdr(src: Path) -> Path:
    return makers.nrrd(
        src / "a.nhdr",
        np.moveaxis(ARRAY, 0, 3),
        "gzip",
        sizes="3 6 5 4",
        kinds="list space space space",
        space_directions="none (0.5,0,0) (0,0.75,0) (0,0,2)",
        space_origin="(1,2,3)",
        data_file="a.raw.gz",
    )


def converted(catalog: Catalog, vault: Vault) -> dict[int | None, Converted]:
    """By temporal position."""
    found = {}
    with Child() as child:
        for row in catalog.stacks.to_pylist():
            with vault.index() as index:
                entry = Entry.of(index, row["volume_id"], row["edition"])
            made = convert(vault, row["volume_id"], row["edition"], child)
            found[entry.facets.temporal_position] = made
    return found


@pytest.mark.parametrize("make", [nii_gz, pair, mhd, nhdr])
def test_each_volume_is_its_own(src: Path, vault: Vault, make: Callable[[Path], Path]) -> None:
    make(src)
    catalog = scan([src], vault)
    (row,) = catalog.series.to_pylist()
    assert (row["n_stacks"], row["n_volumes"], row["verdict"]) == (3, 3, "accepted")
    for file in catalog.files.to_pylist():
        assert file["outcome"] is None
        assert len(set(file["volume_ids"])) == 3
    found = converted(catalog, vault)
    assert set(found) == {0, 1, 2}
    for n, made in found.items():
        np.testing.assert_array_equal(made.volume.array, ARRAY[n or 0])
        np.testing.assert_allclose(np.array(made.volume.grid.affine), FRAME, atol=1e-6)


def test_a_label_map_belongs_to_all_volumes_of_its_image(src: Path, vault: Vault) -> None:
    nii_gz(src)
    makers.nifti(src / "a_mask.nii", np.ones((4, 5, 6), "u1"), FRAME)
    makers.nifti(src / "b_mask.nii", np.ones((2, 4, 5, 6), "u1"), FRAME)
    catalog = scan([src], vault)
    ends = {file["reason"] for file in catalog.files.to_pylist()}
    assert ends == {None, "ORPHAN_LABELS"}
    assert all(made.labels["mask"].array.all() for made in converted(catalog, vault).values())


def test_a_cut_file_gives_none_of_its_volumes(src: Path, vault: Vault) -> None:
    path = nii_gz(src)
    path.write_bytes(path.read_bytes()[:-1])
    catalog = scan([src], vault)
    for row in catalog.stacks.to_pylist():
        with Child() as child, pytest.raises(Quarantine, match="TRUNCATED"):
            convert(vault, row["volume_id"], row["edition"], child)


def test_a_refused_file_counts_as_one_image_whatever_it_promises(src: Path, vault: Vault) -> None:
    facts = {"kinds": "space space space list", "space_directions": "(1,0,0) (0,1,0) (0,0,1) none"}
    makers.nrrd(src / "a.nrrd", np.zeros(10, "u1"), "gzip", sizes="1 1 1 4000000000", **facts)
    (row,) = scan([src], vault).series.to_pylist()
    assert (row["reason"], row["n_stacks"]) == ("BOMB_DECLARED", 1)


def test_time_is_given_for_all_volumes(src: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    ask = Process.ask
    path = nii_gz(src)
    with Child() as child:
        (parsed,) = child.headers([path])
        header = parsed.header or Header(format="nifti")
        monkeypatch.setattr(
            Process, "ask", lambda self, request: asked.append(request["seconds"]) or ask(self, request)
        )
        child.pixels(path, header, parts=[2])
        nbytes = path.stat().st_size + ARRAY.nbytes
        assert asked == [child.limits.seconds_for(nbytes)]
