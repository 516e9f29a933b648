"""A file is the same wherever it lies: on disk, in a zip, in a tar (law L1, L5); what is unsafe is refused (L8, L9)."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from pipeline.archive.catalog import Catalog
from pipeline.archive.convert import Converted, convert
from pipeline.archive.formats.child import Child
from pipeline.archive.formats.limits import Limits
from pipeline.archive.scan import scan
from pipeline.archive.sources import local, source
from pipeline.archive.vault import Vault
from pipeline.errors import Quarantine, UsageError
from tests.archive import makers
from tests.archive.packers import edited, tar_of, tarred, zip_of, zipped

FORMS = ["stored", "deflated", "tar", "tar.gz", "pigz"]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault")


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    with Child() as child:
        yield child


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Native, compressed, oblique, labelled, described by a sidecar; and what is no image."""
    root = tmp_path_factory.mktemp("tree") / "tree"

    def compress(k: int, ds: Dataset) -> None:
        ds.compress(RLELossless)

    makers.ct_series(root / "ct" / ("a" * 90) / ("b" * 90), n=5, oblique=True)
    makers.ct_series(root / "rle", n=4, seed=1, edit=compress)
    gap = makers.ct_series(root / "gap", n=6, seed=2)
    gap[3].unlink()
    makers.nifti(root / "bids" / "sub-1_T1w.nii.gz", makers.voxels((4, 5, 6)))
    makers.nifti(root / "bids" / "sub-1_T1w_mask.nii", np.ones((4, 5, 6), "u1"))
    makers.itk_image(root / "mha" / "x.mha", makers.voxels((3, 4, 5)), compress=True)
    (root / "mha" / "x.json").write_text('{"Modality": "CT"}')
    (root / "empty").touch()
    (root / "readme.txt").write_text("nothing")
    return root


def pack(tree: Path, folder: Path, form: str) -> Path:
    folder.mkdir()
    path = folder / "export"
    match form:
        case "stored":
            return zipped(tree, path, zipfile.ZIP_STORED)
        case "deflated":
            return zipped(tree, path)
        case "tar":
            return tarred(tree, path)
        case "tar.gz":
            return tarred(tree, path, "w:gz")
        case _:
            # Several gzip members, as parallel compressors write them.
            whole = tarred(tree, path).read_bytes()
            path.write_bytes(gzip.compress(whole[:70_001]) + gzip.compress(whole[70_001:]) + bytes(100))
            return path


def ends(catalog: Catalog) -> Counter[tuple[str | None, str | None]]:
    return Counter((row["outcome"], row["reason"]) for row in catalog.files.to_pylist())


def reasons(catalog: Catalog) -> Counter[str | None]:
    return Counter(row["reason"] for row in catalog.files.to_pylist())


def volumes(catalog: Catalog, vault: Vault, child: Child) -> list[Converted]:
    """All that was accepted, in an order that does not depend on names."""
    rows = [row for row in catalog.series.to_pylist() if row["verdict"] == "accepted"]
    made = [convert(vault, row["volume_id"], row["edition"], child) for row in rows]
    return sorted(made, key=lambda one: one.volume.array.tobytes())


def facts(catalog: Catalog) -> list[dict[str, object]]:
    """Of every series all that does not depend on where its files lie."""
    names = {"series_id", "study_id", "volume_id", "edition"}
    rows = catalog.series.to_pylist()
    told = [{k: v for k, v in row.items() if k not in names or row["format"] == "dicom"} for row in rows]
    return sorted(({k: v for k, v in row.items() if k != "edition"} for row in told), key=repr)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault.create(tmp_path_factory.mktemp("home") / "vault")


@pytest.fixture(scope="module")
def plain(tree: Path, home: Vault) -> Catalog:
    return scan([tree], home)


def same_images(plain: Catalog, other: Catalog, vault: Vault, child: Child) -> None:
    """That both hold the same, though under other names."""
    assert ends(other) == ends(plain)
    assert facts(other) == facts(plain)
    expected, found = volumes(plain, vault, child), volumes(other, vault, child)
    assert len(found) == 5
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a.volume.array, b.volume.array)
        assert a.volume.array.dtype == b.volume.array.dtype
        assert (a.volume.grid, a.facts, a.labels.keys()) == (b.volume.grid, b.facts, b.labels.keys())
        for name in a.labels:
            np.testing.assert_array_equal(a.labels[name].array, b.labels[name].array)


@pytest.mark.parametrize("form", FORMS)
def test_a_tree_is_the_same_in_whatever_it_is_packed(
    *, tree: Path, plain: Catalog, tmp_path: Path, home: Vault, child: Child, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tree, tmp_path / "packed", form)
    packed = scan([path.parent], home)
    assert {row["modality"] for row in packed.series.to_pylist()} == {"CT", "MR"}
    same_images(plain, packed, home, child)
    with monkeypatch.context() as patch:
        patch.setattr(Child, "members", lambda *_: pytest.fail("listed again"))
        patch.setattr(Child, "headers", lambda *_: pytest.fail("read again"))
        again = scan([path.parent], home)
    assert again.files.equals(packed.files)
    assert again.series.equals(packed.series)


@pytest.mark.parametrize("form", FORMS[1:3])
def test_members_of_a_container_that_changed_are_others(
    tree: Path, tmp_path: Path, home: Vault, child: Child, form: str
) -> None:
    path = pack(tree, tmp_path / "packed", form)
    before = scan([path], home)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))
    accepted = [row for row in before.series.to_pylist() if row["verdict"] == "accepted"]
    for row in accepted:
        with pytest.raises(Quarantine, match="CHANGED"):
            convert(home, row["volume_id"], row["edition"], child)
    after = scan([path], home)
    assert facts(after) == facts(before)
    assert not {row["edition"] for row in accepted} & set(after.series["edition"].to_pylist())


def test_the_unsafe_member_alone_is_refused(tmp_path: Path, vault: Vault) -> None:
    (good, *_) = makers.ct_series(tmp_path / "made", n=1)
    content = good.read_bytes()
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    inner = zip_of(tmp_path / "inner.zip", ("x", content)).read_bytes()
    archive = tmp_path / "in" / "archive"
    archive.parent.mkdir()
    tgz = gzip.compress(tar_of(tmp_path / "t", ("x", b"x")).read_bytes())
    unsafe = [(name, content) for name in ("../up", "/etc/abs", "C:\\x", "a\\..\\..\\b", "twice", "twice")]
    with pytest.warns(UserWarning, match="Duplicate name"):
        zip_of(
            archive,
            *(("ok/0.dcm", content), *unsafe, (link, b"/etc/passwd"), ("nothing", b""), ("folder/", b"")),
            *(("nested.zip", inner), ("nested.tgz", tgz), ("bomb", bytes(4 << 20))),
        )
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("lzma", content, zipfile.ZIP_LZMA)
    catalog = scan([archive.parent], vault)
    assert reasons(catalog) == {None: 1, "ARCHIVE_UNSAFE": 10, "SYMLINK": 1, "EMPTY_FILE": 1}
    assert len(set(catalog.files["file_id"].to_pylist())) == catalog.files.num_rows


def test_encrypted_members_are_refused(tmp_path: Path, vault: Vault) -> None:
    path = zip_of(tmp_path / "a.zip", ("a", b"DICM" * 100), ("b", b"text"))

    def encrypt(raw: bytearray) -> None:
        raw[6] |= 1
        raw[raw.find(b"PK\1\2") + 8] |= 1

    assert reasons(scan([edited(path, encrypt)], vault)) == {"ARCHIVE_UNSAFE": 1, "NOT_AN_IMAGE": 1}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("native", [True, False])
def test_a_wrong_checksum_refuses_the_volume(
    tmp_path: Path, vault: Vault, child: Child, compression: int, native: bool
) -> None:
    made = makers.ct_series(tmp_path / "made", n=3, edit=None if native else lambda _, ds: ds.compress(RLELossless))
    path = zip_of(tmp_path / "a.zip", *((p.name, p.read_bytes()) for p in made), compression=compression)

    def spoil(raw: bytearray) -> None:
        at = raw.rfind(b"PK\1\2")
        raw[at + 16] ^= 1

    (row,) = scan([edited(path, spoil)], vault).series.to_pylist()
    with pytest.raises(Quarantine, match="ARCHIVE_UNSAFE"):
        convert(vault, row["volume_id"], row["edition"], child)


def test_members_that_overlap_are_refused(tmp_path: Path, vault: Vault) -> None:
    """A bomb that repeats one stream under many names: D. Fifield, "A better zip bomb", WOOT 2019."""
    inner = zip_of(tmp_path / "inner", ("b", b"two"), compression=zipfile.ZIP_STORED).read_bytes()
    members = ("a", b"text" + inner[:34]), ("b", b"two")
    path = zip_of(tmp_path / "a.zip", *members, compression=zipfile.ZIP_STORED)

    def overlap(raw: bytearray) -> None:
        assert raw[35:69] == inner[:34]
        at = raw.rfind(b"PK\1\2") + 42
        raw[at : at + 4] = (35).to_bytes(4, "little")

    assert reasons(scan([path], vault)) == {"NOT_AN_IMAGE": 2}
    catalog = scan([edited(path, overlap)], vault)
    assert reasons(catalog) == {"ARCHIVE_UNSAFE": 1, "NOT_AN_IMAGE": 1}


def test_links_and_devices_in_a_tar_are_what_they_are_on_a_disk(tmp_path: Path, vault: Vault) -> None:
    entries = []
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE):
        info = tarfile.TarInfo(f"special{kind.decode()}")
        info.type, info.linkname = kind, "../../etc/passwd"
        entries.append((info, b""))
    path = tar_of(tmp_path / "a.tar", *entries, ("../up", b"x"), ("/abs", b"x"), ("ok", b"text"))
    assert reasons(scan([path], vault)) == {"SYMLINK": 2, "SPECIAL_FILE": 3, "ARCHIVE_UNSAFE": 2, "NOT_AN_IMAGE": 1}


@pytest.mark.parametrize("form", FORMS[1:])
def test_a_container_that_is_cut_anywhere_is_one_refused_file(
    tree: Path, tmp_path: Path, vault: Vault, form: str
) -> None:
    whole = pack(tree, tmp_path / "whole", form).read_bytes()
    cuts = tmp_path / "cuts"
    cuts.mkdir()
    n = 12
    for part in range(1, n):
        (cuts / f"{part}").write_bytes(whole[: 4096 + (len(whole) - 15_000) * part // n])
    catalog = scan([cuts], vault)
    assert set(reasons(catalog)) == {"ARCHIVE_UNSAFE"}
    assert (catalog.files.num_rows, catalog.series.num_rows) == (n - 1, 0)


def test_too_many_members_refuse_the_container(tmp_path: Path, vault: Vault) -> None:
    for n in (9, 10, 11):
        path = zip_of(tmp_path / f"{n}", *((str(k), b"text") for k in range(n)))
        catalog = scan([path], vault, limits=Limits(members=10))
        assert reasons(catalog) == ({"NOT_AN_IMAGE": n} if n <= 10 else {"ARCHIVE_UNSAFE": 1})


def test_documents_and_empty_archives_are_one_file(tmp_path: Path, vault: Vault) -> None:
    root = tmp_path / "in"
    root.mkdir()
    zip_of(root / "letter.docx", ("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>"))
    zip_of(root / "none.zip")
    zip_of(root / "folders.zip", ("a/", b""), ("a/b/", b""))
    tar_of(root / "none.tar")
    assert reasons(scan([root], vault)) == {"NOT_AN_IMAGE": 4}


def test_more_members_than_one_line_of_an_answer_holds(tmp_path: Path, vault: Vault) -> None:
    path = zip_of(tmp_path / "many.zip", *((f"{k}", b"text") for k in range(2500)), compression=zipfile.ZIP_STORED)
    assert reasons(scan([path], vault)) == {"NOT_AN_IMAGE": 2500}


def test_names_in_containers_stay_in_the_vault(tmp_path: Path, vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    (one,) = makers.ct_series(tmp_path / "made", n=1)
    path = zip_of(tmp_path / "a.zip", ("ZQX/ZQX.dcm", one.read_bytes()), ("../ZQX", b"x"), ("ZQX.nii", b"x"))
    catalog = scan([path], vault)
    assert "ZQX" not in f"{catalog.files.to_pylist()}{catalog.series.to_pylist()}{caplog.text}"


def test_nothing_is_written_and_memory_is_bounded(tmp_path: Path, vault: Vault) -> None:
    """A thousandfold bomb, one just below the bar that looks like an image, and one in a gzipped tar."""
    root = tmp_path / "in"
    root.mkdir()
    nifti = makers.nifti(tmp_path / "x.nii", makers.voxels((2, 2, 2))).read_bytes()
    noise = np.random.default_rng(0).bytes(300_000)
    # Piece by piece: what this process holds counts as its children's.
    for name, member, begin, end in (("1", "bomb", b"", b""), ("2", "x.nii", nifti, noise)):
        with zipfile.ZipFile(root / name, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(member, "w") as bomb:
            bomb.write(begin)
            for _ in range(200):
                bomb.write(bytes(1 << 20))
            bomb.write(end)
    bomb_in_tar = tarfile.TarInfo("bomb")
    bomb_in_tar.size = 200 << 20
    with gzip.open(root / "3", "wb", 6) as packed:
        packed.write(bomb_in_tar.tobuf())
        for _ in range(200):
            packed.write(bytes(1 << 20))
        packed.write(bytes(1024))
    program = (
        "import resource, sys; from pathlib import Path; from pipeline.archive.scan import scan;"
        "from pipeline.archive.vault import Vault;"
        "c = scan([Path(sys.argv[1])], Vault.open(Path(sys.argv[2])));"
        "print(sorted(filter(None, c.files['reason'].to_pylist())));"
        # Of itself, ru_maxrss would count what started it.
        "own = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0];"
        "print(max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))"
    )
    before = sorted(p for p in tmp_path.rglob("*") if "vault" not in p.parts)
    done = subprocess.run(
        [sys.executable, "-c", program, str(root), str(vault.path)],
        **{"capture_output": True, "text": True, "check": True, "env": os.environ | {"PYTHONPATH": os.getcwd()}},  # type: ignore[call-overload]
    )
    told, peak = done.stdout.splitlines()
    assert told == "['ARCHIVE_UNSAFE', 'ARCHIVE_UNSAFE']"
    assert int(peak) < 512 * 1024
    assert sorted(p for p in tmp_path.rglob("*") if "vault" not in p.parts) == before


def test_what_is_a_source() -> None:
    assert source("/a/b") == Path("/a/b")
    assert source("file:///a%20b") == Path("/a b")
    assert source("s3://bucket/prefix") == "s3://bucket/prefix"
    assert local([Path("/a"), "s3://b"]) == [Path("/a")]
    for text in (
        "gopher://x/",
        "https://user:secret@host/x",
        "https://host/x?y",
        "s3://",
        "zip://a::s3://b",
        "file://host/x",
    ):
        with pytest.raises(UsageError) as caught:
            source(text)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("form", FORMS[:3])
def test_voxels_in_a_file_of_their_own(tmp_path: Path, vault: Vault, child: Child, form: str) -> None:
    root = tmp_path / "pairs"
    makers.itk_image(root / "a" / "x.mhd", makers.voxels((3, 4, 5)))
    makers.itk_image(root / "b" / "x.hdr", makers.voxels((3, 4, 5), 1))
    plain = scan([root], vault)
    packed = scan([pack(root, tmp_path / "packed", form)], vault)
    assert ends(packed) == ends(plain) == {(None, None): 4}
    for a, b in zip(volumes(plain, vault, child), volumes(packed, vault, child), strict=True):
        np.testing.assert_array_equal(a.volume.array, b.volume.array)
        assert a.volume.grid == b.volume.grid
