"""What may not leave the hospital: the key of the pseudonyms, the file index, who is who."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from platformdirs import user_data_dir

from pipeline.archive.index import Index
from pipeline.errors import KeyMismatch, UsageError

SEAL = "vault.hmac"
"""The file in OUT that says which vault it was made with: it holds ``Vault.fingerprint``."""

_KEY, _INDEX, _PART = "key", "index.sqlite", ".key-"
_KEY_BYTES = 32


def default_path() -> Path:
    """``$SCANMILL_VAULT``, else ``vault`` in the user's data folder."""
    named = os.environ.get("SCANMILL_VAULT")
    return Path(named) if named else Path(user_data_dir("scanmill")) / "vault"


@dataclass(frozen=True)
class Vault:
    """A folder (0700) that holds a random key (0600) and the index of the archive.

    A vault is pickled as its path, so that the key never travels.

    >>> import tempfile
    >>> vault = Vault.create(Path(tempfile.mkdtemp()) / "vault")
    >>> vault.pseudonym("series", "1.2.3") == Vault.open(vault.path).pseudonym("series", "1.2.3")
    True
    """

    path: Path
    key: bytes = field(repr=False)

    @classmethod
    def create(cls, path: Path) -> Vault:
        """Make the vault; where another process was faster, open its vault.

        Raises UsageError where the folder cannot be made or holds something else.
        """
        names = {p.name for p in path.iterdir()} if path.is_dir() else set()
        if _KEY not in names and any(not name.startswith((_PART, _INDEX)) for name in names):
            raise UsageError("the folder for the vault is not empty and holds no vault")
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            _write_key(path)
        except OSError as error:
            raise UsageError(f"the vault cannot be made: {error.strerror}") from None
        vault = cls.open(path)
        with vault.index(write=True):
            pass
        return vault

    @classmethod
    def open(cls, path: Path) -> Vault:
        """The vault in ``path``.  Raises UsageError where there is none, or others may read it."""
        try:
            key = (path / _KEY).read_bytes()
            shared = (path.stat().st_mode | (path / _KEY).stat().st_mode) & 0o077
        except OSError as error:
            raise UsageError(f"there is no readable vault: {error.strerror}") from None
        if len(key) != _KEY_BYTES:
            raise UsageError("the key of the vault is damaged")
        if shared:
            raise UsageError("other users may read the vault: chmod it to 0700 and its key to 0600")
        return cls(path.resolve(), key)

    @classmethod
    def for_output(cls, path: Path, out: Path, sources: Iterable[Path] = ()) -> Vault:
        """The vault that OUT was made with; a new one where neither OUT nor the vault exists yet.

        Whoever makes OUT writes ``fingerprint`` to ``OUT/vault.hmac``; this only reads it.

        Raises
        ------
        UsageError
            If the vault lies in OUT or in a source, or holds one of them.
        KeyMismatch
            If OUT was made with another vault.
        """
        _stand_apart(path, [out, *sources])
        seal = _seal(out)
        if not (path / _KEY).exists():
            if seal is not None:
                raise KeyMismatch("the vault that this output was made with is not there: name it with --vault")
            return cls.create(path)
        vault = cls.open(path)
        if seal is not None and not hmac.compare_digest(seal, vault.fingerprint):
            raise KeyMismatch("this output was made with another vault: name that one with --vault")
        vault.mend()
        return vault

    def mend(self) -> None:
        """Roll back what a scan left behind that was killed while it wrote: readers may not do that."""
        if (self.path / f"{_INDEX}-journal").exists():
            with self.index(write=True):
                pass

    @property
    def fingerprint(self) -> str:
        """What OUT stores to know its vault again; tells nothing about the key."""
        return hmac.new(self.key, b"scanmill", sha256).hexdigest()

    def pseudonym(self, kind: str, value: str | bytes) -> str:
        """The 128-bit name (32 hex digits) under which ``value`` may leave: HMAC-SHA256, cut in half.

        ``kind`` keeps names of different sorts apart: a patient and a series of equal text differ.
        """
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        return hmac.digest(self.key, kind.encode() + b"\0" + raw, "sha256").hex()[:32]

    def index(self, *, write: bool = False) -> Index:
        """Open the file index, read-only unless told otherwise; a context manager."""
        return Index(self.path / _INDEX, write=write)

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Vault.open, (self.path,)


def _stand_apart(path: Path, others: Iterable[Path]) -> None:
    vault = path.resolve()
    for other in (p.resolve() for p in others):
        if vault.is_relative_to(other) or other.is_relative_to(vault):
            raise UsageError("the vault must lie outside the output and outside every source, and hold neither")


def _seal(out: Path) -> str | None:
    try:
        return (out / SEAL).read_text("ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        raise KeyMismatch("the output does not say which vault it was made with") from None


def _write_key(folder: Path) -> None:
    """Whole or absent, and never replaced: written beside, then linked to its name."""
    temporary = folder / f"{_PART}{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, folder / _KEY)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
