"""A header and its data file: one image, two files found, one fate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from pipeline.archive.catalog import Catalog
from pipeline.archive.convert import Converted, convert
from pipeline.archive.formats import reading
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.header import Header
from pipeline.archive.index import File, Index
from pipeline.archive.pairs import paired
from pipeline.archive.scan import scan
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine
from pipeline.reasons import Reason
from tests.archive import makers

ARRAY = makers.voxels((3, 4, 5))


def ends(catalog: Catalog, vault: Vault, src: Path) -> dict[str, tuple[str | None, str | None]]:
    """File name -> (outcome, reason); every file found stands once (law L1)."""
    names = {vault.pseudonym("file", os.fsencode(path)): path.name for path in src.rglob("*") if not path.is_dir()}
    rows = catalog.files.to_pylist()
    assert sorted(row["file_id"] for row in rows) == sorted(names)
    return {names[row["file_id"]]: (row["outcome"], row["reason"]) for row in rows}


def converted(catalog: Catalog, vault: Vault) -> list[Converted]:
    rows = [row for row in catalog.series.to_pylist() if row["volume_id"]]
    with Child() as child:
        return [convert(vault, row["volume_id"], row["edition"], child) for row in rows]


def mhd(src: Path) -> Path:
    return makers.itk_image(src / "a.mhd", ARRAY)


def zraw(src: Path) -> Path:
    return makers.itk_image(src / "a.mhd", ARRAY, compress=True)


def nhdr(src: Path) -> Path:
    return makers.itk_image(src / "a.nhdr", ARRAY)


def pair(src: Path) -> Path:
    frame = np.diag([-1.0, -1.0, 1.0, 1.0]) @ makers.affine() @ np.eye(4)[[2, 1, 0, 3]]
    nibabel.save(nibabel.Nifti1Pair(ARRAY.T, frame), src / "a.hdr")
    return src / "a.hdr"


@pytest.mark.parametrize("make", [mhd, zraw, nhdr, pair])
def test_two_files_are_one_image(src: Path, vault: Vault, make: Callable[[Path], Path]) -> None:
    make(src)
    catalog = scan([src], vault)
    (row,) = catalog.series.to_pylist()
    assert (row["verdict"], row["n_files"]) == ("accepted", 2)
    assert row["bytes_in"] == sum(path.stat().st_size for path in src.iterdir())
    assert set(ends(catalog, vault, src).values()) == {(None, None)}
    assert {file["series_id"] for file in catalog.files.to_pylist()} == {row["series_id"]}
    assert [file["volume_ids"] for file in catalog.files.to_pylist()] == [[row["volume_id"]]] * 2
    (made,) = converted(catalog, vault)
    np.testing.assert_array_equal(made.volume.array, ARRAY)
    np.testing.assert_allclose(np.array(made.volume.grid.affine), makers.affine(), atol=1e-5)
    assert made.bytes_in == row["bytes_in"]


def test_a_label_map_may_be_two_files(src: Path, vault: Vault) -> None:
    mhd(src)
    makers.itk_image(src / "a_mask.mhd", np.ones((3, 4, 5), "u1"))
    catalog = scan([src], vault)
    (row,) = catalog.series.to_pylist()
    assert (row["n_files"], row["n_labels"]) == (2, 1)
    assert row["bytes_in"] == sum(path.stat().st_size for path in src.iterdir())
    assert list(ends(catalog, vault, src).values()) == [(None, None)] * 4
    (made,) = converted(catalog, vault)
    assert made.labels["mask"].array.all()


def test_other_data_under_the_same_header_is_another_volume(src: Path, vault: Vault) -> None:
    """The header is not read again: it has not changed."""
    mhd(src)
    (before,) = scan([src], vault).series.to_pylist()
    (src / "a.raw").write_bytes(ARRAY[::-1].tobytes())
    catalog = scan([src], vault)
    (after,) = catalog.series.to_pylist()
    assert after["series_id"] == before["series_id"]
    assert after["volume_id"] != before["volume_id"]
    with Child() as child:
        with pytest.raises(Quarantine, match="CHANGED"):
            convert(vault, before["volume_id"], before["edition"], child)
        made = convert(vault, after["volume_id"], after["edition"], child)
    np.testing.assert_array_equal(made.volume.array, ARRAY[::-1])


def test_touched_data_are_another_edition_of_the_same_volume(src: Path, vault: Vault) -> None:
    mhd(src)
    (before,) = scan([src], vault).series.to_pylist()
    os.utime(src / "a.raw", ns=(1, 1))
    with Child() as child, pytest.raises(Quarantine, match="CHANGED"):
        convert(vault, before["volume_id"], before["edition"], child)
    (after,) = scan([src], vault).series.to_pylist()
    assert after["volume_id"] == before["volume_id"]
    assert after["edition"] != before["edition"]


def test_the_content_is_that_of_both_wherever_they_lie(tmp_path: Path, vault: Vault) -> None:
    for folder in ("one", "two"):
        mhd(tmp_path / folder / "src")
    (one,) = scan([tmp_path / "one" / "src"], vault).series.to_pylist()
    (two,) = scan([tmp_path / "two" / "src"], vault).series.to_pylist()
    assert one["volume_id"] == two["volume_id"]
    assert one["edition"] != two["edition"]


def test_data_that_vanish_after_the_scan(src: Path, vault: Vault) -> None:
    mhd(src)
    catalog = scan([src], vault)
    (src / "a.raw").unlink()
    with pytest.raises(Quarantine, match="CHANGED"):
        converted(catalog, vault)
    (src / "secret").write_bytes(bytes(120))
    (src / "a.raw").symlink_to(src / "secret")
    with pytest.raises(Quarantine, match="CHANGED"):
        converted(catalog, vault)


def _gone(data: Path) -> None:
    data.unlink()


def _short(data: Path) -> None:
    data.write_bytes(data.read_bytes()[:-1])


def _empty(data: Path) -> None:
    data.write_bytes(b"")


def _linked(data: Path) -> None:
    data.rename(data.parent / "b.raw")
    data.symlink_to(data.parent / "b.raw")


def _fifo(data: Path) -> None:
    data.unlink()
    os.mkfifo(data)


def _folder(data: Path) -> None:
    data.unlink()
    data.mkdir()


def _image(data: Path) -> None:
    data.unlink()
    makers.itk_image(data.parent / "b.mha", ARRAY).rename(data)


@pytest.mark.parametrize(
    ("spoil", "reason", "own"),
    [
        (_gone, Reason.TRUNCATED, None),
        (_short, Reason.TRUNCATED, ("quarantined", "TRUNCATED")),
        (_empty, Reason.TRUNCATED, ("quarantined", "TRUNCATED")),
        (_folder, Reason.TRUNCATED, None),
        (_linked, Reason.PATH_UNSAFE, ("skipped", "SYMLINK")),
        (_fifo, Reason.PATH_UNSAFE, ("skipped", "SPECIAL_FILE")),
        (_image, Reason.PATH_UNSAFE, (None, None)),
    ],
)
def test_data_that_are_none(
    src: Path, vault: Vault, spoil: Callable[[Path], None], reason: Reason, own: tuple[str | None, str | None] | None
) -> None:
    mhd(src)
    spoil(src / "a.raw")
    catalog = scan([src], vault)
    found = ends(catalog, vault, src)
    assert found["a.mhd"] == ("quarantined", reason)
    assert found.get("a.raw") == own
    assert reason in {row["reason"] for row in catalog.series.to_pylist()}


def test_a_name_that_leads_elsewhere(src: Path, vault: Vault) -> None:
    (src.parent / "a.raw").write_bytes(ARRAY.tobytes())
    mhd(src)
    text = (src / "a.mhd").read_text()
    for name in ("../a.raw", str(src.parent / "a.raw"), "sub/../a.raw", "a.mhd"):
        (src / "a.mhd").write_text(text.replace("a.raw", name))
        found = ends(scan([src], vault), vault, src)
        assert found == {"a.mhd": ("quarantined", "PATH_UNSAFE"), "a.raw": ("skipped", "NOT_AN_IMAGE")}


def test_what_the_scan_did_not_meet_is_not_there(src: Path, vault: Vault) -> None:
    """A source may be one file: the one beside it is no part of the archive."""
    path = mhd(src)
    (row,) = scan([path], vault).series.to_pylist()
    assert row["reason"] == "TRUNCATED"
    (row,) = scan([path, src / "a.raw"], vault).series.to_pylist()
    assert row["verdict"] == "accepted"


def test_data_end_as_their_header_does(src: Path, vault: Vault) -> None:
    path = mhd(src)
    path.write_text(path.read_text().replace("ElementSpacing", "ElementSpicing"))
    catalog = scan([src], vault)
    assert set(ends(catalog, vault, src).values()) == {("quarantined", "MISSING_GEOMETRY")}
    (row,) = catalog.series.to_pylist()
    assert row["n_files"] == 2
    (src / "a.raw").unlink()
    assert ends(scan([src], vault), vault, src) == {"a.mhd": ("quarantined", "MISSING_GEOMETRY")}


def test_two_headers_may_share_their_data(src: Path, vault: Vault) -> None:
    path = mhd(src)
    other = src / "b.mhd"
    other.write_text(path.read_text().replace("ElementSpacing = 0.8", "ElementSpacing = 0.9"))
    catalog = scan([src], vault)
    assert set(ends(catalog, vault, src).values()) == {(None, None)}
    volumes = {row["volume_id"] for row in catalog.series.to_pylist()}
    (data,) = (row for row in catalog.files.to_pylist() if row["size_bytes"] == ARRAY.nbytes)
    assert set(data["volume_ids"]) == volumes
    assert len(volumes) == 2
    assert [made.volume.array.tolist() for made in converted(catalog, vault)] == [ARRAY.tolist()] * 2
    # One of them refused: the data are still needed.
    for refused in (path, other):
        text = refused.read_text()
        refused.write_text(text.replace("ElementSpacing", "ElementSpicing"))
        found = ends(scan([src], vault), vault, src)
        assert found[refused.name] == ("quarantined", "MISSING_GEOMETRY")
        assert found["a.raw"] == (None, None)
        refused.write_text(text)


def test_an_analyze_image_is_refused_whole(src: Path, vault: Vault) -> None:
    nibabel.save(nibabel.AnalyzeImage(ARRAY.T, np.eye(4)), src / "a.img")
    catalog = scan([src], vault)
    assert set(ends(catalog, vault, src).values()) == {("quarantined", "MISSING_GEOMETRY")}


def test_the_image_of_a_pair_may_be_compressed_alone(src: Path, vault: Vault) -> None:
    pair(src)
    nibabel.save(nibabel.Nifti1Pair(np.zeros_like(ARRAY).T, np.eye(4)), src / "b.img.gz")
    (src / "b.img.gz").rename(src / "a.img.gz")
    (src / "b.hdr.gz").unlink()
    (made,) = converted(scan([src], vault), vault)
    np.testing.assert_array_equal(made.volume.array, ARRAY)
    (src / "a.img").unlink()
    (made,) = converted(scan([src], vault), vault)
    assert not made.volume.array.any()


def test_what_goes_wrong_inside_takes_both(
    src: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    mhd(src)
    monkeypatch.setattr(Index, "add_volume", fail)
    catalog = scan([src], vault)
    assert set(ends(catalog, vault, src).values()) == {("quarantined", "INTERNAL")}
    assert "a.raw" not in caplog.text


def test_a_name_of_any_bytes(src: Path, vault: Vault) -> None:
    path, name = mhd(src), b"-\xff\xe9 .raw"
    os.rename(src / "a.raw", os.fsencode(src) + b"/" + name)
    path.write_bytes(path.read_bytes().replace(b"a.raw", name))
    (made,) = converted(scan([src], vault), vault)
    np.testing.assert_array_equal(made.volume.array, ARRAY)


def test_data_that_change_while_they_are_hashed(src: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise Quarantine(Reason.UNREADABLE_IO)

    mhd(src)
    with monkeypatch.context() as patch:
        patch.setattr(Child, "digest", fail)
        assert set(ends(scan([src], vault), vault, src).values()) == {("quarantined", "CHANGED")}
    assert set(ends(scan([src], vault), vault, src).values()) == {(None, None)}


@pytest.mark.parametrize("reason", [Reason.PERMISSION, Reason.UNREADABLE_IO])
def test_data_that_cannot_be_read_are_told_as_such(
    src: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    """They are a row of their own, as a later scan may find them otherwise."""
    real = reading.Parsed

    def headers(self: Child, paths: list[str]) -> Iterator[reading.Parsed]:
        for path, one in zip(paths, inner(self, paths), strict=True):
            yield real(None, reason) if path.endswith(".raw") else one

    inner = Child.headers
    mhd(src)
    monkeypatch.setattr(Child, "headers", headers)
    assert set(ends(scan([src], vault), vault, src).values()) == {("quarantined", reason)}


def test_a_file_of_its_own_voxels_is_left_as_it_is(vault: Vault) -> None:
    with vault.index(write=True) as index:
        for header in (None, Header(format="mha")):
            file = File("id", b"/a/b.mha", 1, 2, header=header)
            assert paired(file, index, vault) is file


def test_a_pair_under_a_name_that_tells_no_other(src: Path, vault: Vault) -> None:
    pair(src).rename(src / "a")
    assert ends(scan([src], vault), vault, src)["a"] == ("quarantined", "TRUNCATED")
