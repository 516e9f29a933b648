"""The vault: who may read it, what it is bound to, what its names give away."""

from __future__ import annotations

import pickle
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.index import File
from pipeline.archive.vault import SEAL, Vault, default_path
from pipeline.errors import KeyMismatch, UsageError

ROOT = Path(__file__).parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault.create(tmp_path_factory.mktemp("vaults") / "vault")


def test_only_the_owner_may_look(vault: Vault) -> None:
    assert mode(vault.path) == 0o700
    assert mode(vault.path / "key") == 0o600
    assert len(vault.key) == 32


@pytest.mark.parametrize("what", [".", "key"])
def test_a_vault_that_others_may_read_is_refused(tmp_path: Path, what: str) -> None:
    made = Vault.create(tmp_path / "vault")
    (made.path / what).chmod(0o750)
    with pytest.raises(UsageError, match="other users"):
        Vault.open(made.path)


def test_many_who_create_it_at_once_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(Vault.create, [tmp_path / "vault"] * 8))
    assert len({v.key for v in made}) == 1
    assert {p.name for p in made[0].path.iterdir()} == {"key", "index.sqlite"}


def test_no_vault_is_made_among_other_files(tmp_path: Path) -> None:
    (tmp_path / ".key-of-a-creator-that-was-killed").touch()
    assert Vault.create(tmp_path).path == tmp_path
    (tmp_path / "key").rename(tmp_path / "holiday.jpg")
    with pytest.raises(UsageError, match="not empty"):
        Vault.create(tmp_path)


@pytest.mark.parametrize("key", [None, b"", b"short", b"x" * 33])
def test_a_missing_or_damaged_key_is_refused(tmp_path: Path, key: bytes | None) -> None:
    made = Vault.create(tmp_path / "vault")
    (made.path / "key").unlink()
    if key is not None:
        (made.path / "key").write_bytes(key)
        (made.path / "key").chmod(0o600)
    with pytest.raises(UsageError):
        Vault.open(made.path)


def test_the_key_stays_at_home(vault: Vault) -> None:
    travelled = pickle.dumps(vault)
    assert vault.key not in travelled
    assert vault.key.hex() not in repr(vault)
    assert repr(vault.key) not in repr(vault)
    assert pickle.loads(travelled) == vault  # noqa: S301  # our own bytes


@given(st.sampled_from(["series", "patient"]), st.text(), st.text())
def test_pseudonyms_are_stable_apart_and_of_one_form(vault: Vault, kind: str, a: str, b: str) -> None:
    name = vault.pseudonym(kind, a)
    assert name == Vault.open(vault.path).pseudonym(kind, a)
    assert len(name) == 32
    assert set(name) <= set("0123456789abcdef")
    assert (name == vault.pseudonym(kind, b)) == (a == b)
    assert name != vault.pseudonym("study", a)


def test_another_key_gives_other_pseudonyms(vault: Vault, tmp_path: Path) -> None:
    other = Vault.create(tmp_path / "vault")
    assert other.pseudonym("series", "1.2") != vault.pseudonym("series", "1.2")
    assert other.fingerprint != vault.fingerprint


def test_names_on_disk_may_be_any_bytes(vault: Vault) -> None:
    assert vault.pseudonym("file", b"\xff.dcm") == vault.pseudonym(
        "file", b"\xff.dcm".decode("utf-8", "surrogateescape")
    )


class TestForOutput:
    """One vault may serve many outputs; an output has one vault."""

    def test_a_new_output_and_no_vault_make_one(self, tmp_path: Path) -> None:
        vault = Vault.for_output(tmp_path / "vault", tmp_path / "out", [tmp_path / "src"])
        assert Vault.for_output(tmp_path / "vault", tmp_path / "out2") == vault

    def seal(self, out: Path, text: str) -> None:
        out.mkdir()
        (out / SEAL).write_text(text)

    def test_the_same_vault_is_found_again(self, tmp_path: Path) -> None:
        vault = Vault.create(tmp_path / "vault")
        self.seal(tmp_path / "out", vault.fingerprint + "\n")
        assert Vault.for_output(tmp_path / "vault", tmp_path / "out") == vault

    def test_another_vault_is_refused(self, tmp_path: Path) -> None:
        Vault.create(tmp_path / "vault")
        self.seal(tmp_path / "out", Vault.create(tmp_path / "other").fingerprint)
        with pytest.raises(KeyMismatch, match="another vault"):
            Vault.for_output(tmp_path / "vault", tmp_path / "out")

    def test_an_old_output_never_makes_a_new_vault(self, tmp_path: Path) -> None:
        self.seal(tmp_path / "out", "0" * 64)
        with pytest.raises(KeyMismatch, match="not there"):
            Vault.for_output(tmp_path / "vault", tmp_path / "out")
        assert not (tmp_path / "vault").exists()

    def test_an_unreadable_seal_is_refused(self, tmp_path: Path) -> None:
        Vault.create(tmp_path / "vault")
        (tmp_path / "out" / SEAL).mkdir(parents=True)
        with pytest.raises(KeyMismatch):
            Vault.for_output(tmp_path / "vault", tmp_path / "out")

    @pytest.mark.parametrize("vault", ["out/vault", "out", "src/vault", "src", ".", "link/vault"])
    def test_it_stands_apart(self, tmp_path: Path, vault: str) -> None:
        (tmp_path / "src").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "src")
        with pytest.raises(UsageError, match="outside"):
            Vault.for_output(tmp_path / vault, tmp_path / "out", [tmp_path / "src"])
        assert not list(tmp_path.rglob("key"))


def test_where_it_lies_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCANMILL_VAULT", str(tmp_path))
    assert default_path() == tmp_path
    monkeypatch.delenv("SCANMILL_VAULT")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_path() == tmp_path / "scanmill" / "vault"


class TestIndex:
    def test_a_reader_writes_nothing_and_makes_nothing(self, vault: Vault, tmp_path: Path) -> None:
        before = sorted((p.name, p.stat().st_mtime_ns) for p in vault.path.iterdir())
        with vault.index() as index:
            assert index.volume("none", "e") is None
            assert index.file("none") is None
            assert index.identity("none") is None
        assert sorted((p.name, p.stat().st_mtime_ns) for p in vault.path.iterdir()) == before
        made = Vault.create(tmp_path / "vault")
        (made.path / "index.sqlite").unlink()
        with pytest.raises(UsageError):
            made.index()

    def test_a_broken_transaction_leaves_nothing(self, vault: Vault) -> None:
        with vault.index(write=True) as index:
            with suppress(KeyboardInterrupt), index.transaction():
                index.add_volume("broken", "e", "{}")
                assert index.volume("broken", "e") == "{}"
                raise KeyboardInterrupt
            assert index.volume("broken", "e") is None

    def test_who_is_who_stays_readable_for_the_hospital(self, vault: Vault) -> None:
        name = vault.pseudonym("patient", "Müller\udcff")
        with vault.index(write=True) as index:
            index.add_identity(name, "patient", "Müller\udcff")
        with vault.index() as index:
            assert index.identity(name) == ("patient", "Müller\udcff")

    def test_readers_read_while_one_writes(self, vault: Vault) -> None:
        with vault.index(write=True) as writer:
            writer.add_volume("old", "e", "{}")
            with writer.transaction():
                writer.add_volume("new", "e", "{}")
                with vault.index() as reader:
                    assert reader.volume("old", "e") == "{}"
                    assert reader.volume("new", "e") is None

    def test_a_scan_killed_while_it_writes_is_rolled_back(self, tmp_path: Path) -> None:
        vault = Vault.create(tmp_path / "vault")
        with vault.index(write=True) as index:
            index.add_volume("whole", "e", "{}")
        killed = """if True:
            import os, sys
            from pathlib import Path
            from pipeline.archive.vault import Vault
            index = Vault.open(Path(sys.argv[1])).index(write=True)
            index._db.execute("PRAGMA cache_size = 1")
            index._db.execute("BEGIN")
            for n in range(500):
                index.add_volume(str(n), "e", "x" * 4000)
            os._exit(0)
        """
        subprocess.run([sys.executable, "-c", killed, vault.path], check=True, cwd=ROOT)
        with pytest.raises(UsageError):
            vault.index()
        with Vault.for_output(vault.path, tmp_path / "out").index() as index:
            assert index.volume("whole", "e") == "{}"
            assert index.volume("0", "e") is None

    def test_an_index_of_another_version_is_begun_anew(self, vault: Vault) -> None:
        """Who is who is kept; whatever the readers or the tables of that version said is not."""
        with vault.index(write=True) as index, index.transaction():
            index.add_facts([File("f", b"f", 1, 2)])
            index.add_volume("v", "e", "{}")
            index.add_identity("p", "patient", "Doe")
            index._db.execute("ALTER TABLE files RENAME COLUMN header TO old")
            index._db.execute("PRAGMA user_version = 1")
        with pytest.raises(UsageError, match="scan again"):
            vault.index()
        with vault.index(write=True) as index:
            assert index.file("f") is None
            assert index.volume("v", "e") is None
            assert index.identity("p") == ("patient", "Doe")
        with vault.index() as index:
            assert index.identity("p") == ("patient", "Doe")

    def test_editions_stand_side_by_side(self, vault: Vault) -> None:
        with vault.index(write=True) as index:
            for edition in "ab":
                index.add_volume("v", edition, edition)
            assert [index.volume("v", edition) for edition in "abc"] == ["a", "b", None]

    def test_a_path_of_strange_characters(self, tmp_path: Path) -> None:
        odd = Vault.create(tmp_path / "va?ul#t %41")
        with odd.index(write=True) as index, index.transaction():
            index.add_facts([File("f", b"\xff\n", 1, 2)])
        with odd.index() as index:
            assert index.file("f") == File("f", b"\xff\n", 1, 2)
        assert (odd.path / "index.sqlite").stat().st_size > 0
