"""An archive behind a URL is read as one on disk is, and nothing but its bytes comes over (laws L1, L6, L7)."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from pipeline.archive import remote
from pipeline.archive.catalog import Catalog
from pipeline.archive.convert import convert
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.remote import Remote, environment
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine, SourceError
from tests.archive import makers
from tests.archive.packers import tarred, zipped
from tests.archive.webserver import Server, serving, touched

pytest.importorskip("aiohttp", reason="fsspec reads http with aiohttp: the extra `remote`")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("web") / "tree"
    makers.ct_series(root / "ct 1", n=4, oblique=True)
    makers.ct_series(root / "ct 1" / "deeper", n=3, seed=1, edit=lambda _, ds: ds.compress(RLELossless))
    makers.nifti(root / "nii" / "a_T1w.nii.gz", makers.voxels((4, 5, 6)))
    makers.nifti(root / "nii" / "a_T1w_mask.nii", np.ones((4, 5, 6), "u1"))
    (root / "nii" / "a_T1w.json").write_text('{"Modality": "CT"}')
    (root / "empty").touch()
    zipped(root / "ct 1", root / "again.zip", zipfile.ZIP_STORED)
    tarred(root / "nii", root / "nii.tgz", "w:gz")
    return root


@pytest.fixture
def server(tree: Path) -> Iterator[Server]:
    with serving(tree.parent) as server:
        yield server


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault")


def reasons(catalog: Catalog) -> Counter[str | None]:
    return Counter(row["reason"] for row in catalog.files.to_pylist())


def test_a_tree_is_the_same_behind_a_url(
    tree: Path, server: Server, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{server.url}/tree"
    plain, far = scan([tree], vault), scan([url], vault)
    assert reasons(far) == reasons(plain) == {None: 11, "DUPLICATE_SOP": 7, "EMPTY_FILE": 1, "NOT_AN_IMAGE": 2}
    names = ("verdict", "reason", "modality", "n_slices", "geometry_error_mm", "n_labels", "bytes_in")
    assert Counter(tuple(row[n] for n in names) for row in far.series.to_pylist()) == Counter(
        tuple(row[n] for n in names) for row in plain.series.to_pylist()
    )
    expected = {row["volume_id"]: row["edition"] for row in plain.series.to_pylist()}
    found = {row["volume_id"]: row["edition"] for row in far.series.to_pylist() if row["format"] == "dicom"}
    assert len(found) == 2
    with Child() as child:
        for name, edition in found.items():
            assert expected[name] != edition
            here, there = convert(vault, name, expected[name], child), convert(vault, name, edition, child)
            np.testing.assert_array_equal(here.volume.array, there.volume.array)
            assert here.volume.grid == there.volume.grid
    monkeypatch.setattr(Child, "headers", lambda *_: pytest.fail("read again"))
    assert scan([url], vault).files.equals(far.files)


def test_a_header_costs_one_small_request_and_a_volume_few(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / "in").mkdir()
    (slice_,) = makers.ct_series(tmp_path / "in", n=1, shape=(512, 512))
    big = np.random.default_rng(0).integers(0, 4000, (100, 256, 256)).astype("i2")
    makers.nifti(tmp_path / "in" / "x.nii", big)
    with serving(tmp_path) as server:
        scan([f"{server.url}/in"], vault)
        of_slice = [one for one in server.requests if one[0] == "GET" and one[1].endswith(slice_.name)]
        assert [one[2] for one in of_slice] == ["bytes=0-65535"]
        assert len([one for one in server.requests if one[0] == "GET" and one[1].endswith("x.nii")]) < 12


@pytest.mark.parametrize("tags", [True, False])
def test_an_object_that_changed_is_changed(tree: Path, tmp_path: Path, vault: Vault, tags: bool) -> None:
    shutil.copytree(tree / "ct 1" / "deeper", tmp_path / "in")
    with serving(tmp_path) as server, Child() as child:
        server.tags = tags
        (row,) = scan([f"{server.url}/in"], vault).series.to_pylist()
        convert(vault, row["volume_id"], row["edition"], child)
        victim = tmp_path / "in" / "0001.dcm"
        if tags:
            touched(victim)
        else:
            # Told apart by size alone where a server says no more.
            victim.write_bytes(victim.read_bytes() + b"\0\0")
        with pytest.raises(Quarantine, match="CHANGED"):
            convert(vault, row["volume_id"], row["edition"], child)
        (after,) = scan([f"{server.url}/in"], vault).series.to_pylist()
        assert after["edition"] != row["edition"]
        victim.unlink()
        with pytest.raises(Quarantine, match="CHANGED"):
            convert(vault, after["volume_id"], after["edition"], child)


def test_one_object_that_is_not_shown_is_a_row(tmp_path: Path, vault: Vault) -> None:
    makers.ct_series(tmp_path / "in" / "ok", n=3)
    (tmp_path / "in" / "denied.txt").write_text("x")
    with serving(tmp_path) as server:
        assert reasons(scan([f"{server.url}/in"], vault)) == {None: 3, "PERMISSION": 1}


def test_a_server_without_ranges_is_not_believed(tmp_path: Path, vault: Vault) -> None:
    makers.ct_series(tmp_path / "in", n=2, shape=(256, 256))
    with serving(tmp_path) as server:
        server.ranges = False
        assert reasons(scan([f"{server.url}/in"], vault)) == {"UNREADABLE_IO": 2}
        server.ranges = True
        assert reasons(scan([f"{server.url}/in"], vault)) == {None: 2}


def test_a_source_that_cannot_be_reached_is_an_error_without_its_address(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        url = f"{server.url}/secret"
        with pytest.raises(SourceError) as absent:
            list(remote.files(url))
        server.closed = True
        with pytest.raises(SourceError) as failing:
            list(remote.files(url))
    with pytest.raises(SourceError) as refused:
        list(remote.files(url))
    assert "secret" not in f"{absent.value}{failing.value}{refused.value}"


def test_a_url_may_be_one_object(tree: Path, server: Server) -> None:
    (found,) = remote.files(f"{server.url}/tree/again.zip")
    assert found.size == (tree / "again.zip").stat().st_size


def test_any_range_is_that_of_the_file(tree: Path, server: Server) -> None:
    whole = (tree / "again.zip").read_bytes()
    rng = np.random.default_rng(0)
    with Remote(f"{server.url}/tree/again.zip") as file:
        for _ in range(200):
            at, size = (int(n) for n in rng.integers(0, (len(whole) + 100, 5000)))
            file.seek(at)
            assert file.read(size) == whole[at : at + min(size, max(0, len(whole) - at))][: len(whole)]
            assert file.seek(0, 2) == len(whole)


def test_credentials_reach_the_child_that_needs_them_and_no_listing_of_processes(
    tree: Path, server: Server, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    assert environment()["AWS_SECRET_ACCESS_KEY"] == "sesame"
    assert "SECRET_TOKEN" not in environment()
    with Child() as child:
        (one,) = child.headers([f"{server.url}/tree/ct%201/0000.dcm"])
        assert one.header is not None
        for name in ("environ", "cmdline"):
            assert b"sesame" not in Path(f"/proc/{child.pid}/{name}").read_bytes()
