"""Where exported files go: one folder, named by the user, apart from all that scanmill keeps or reads."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.archive.vault import Vault
from pipeline.errors import StoreError, UsageError
from pipeline.export.refusal import Refusal, Refused
from pipeline.store.files import replace


@dataclass(frozen=True)
class Destination:
    """A folder that exists."""

    folder: Path
    overwrite: bool = False

    @classmethod
    def open(cls, folder: Path, out: Path, vault: Path, *, private: bool, overwrite: bool = False) -> Destination:
        """Make the folder where it is not there; for its owner alone where it is to hold identities (``private``).

        Raises UsageError where it cannot be made, or where it lies inside OUT, the vault or a source that the vault
        knows, or holds one of them.
        """
        real = folder.resolve()
        for other in (out.resolve(), vault.resolve(), *_sources(vault)):
            if real.is_relative_to(other) or other.is_relative_to(real):
                raise UsageError(
                    "the destination must lie outside the output, the vault and every source, and hold none"
                )
        try:
            real.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the destination cannot be made: {os.strerror(error.errno or errno.EIO)}") from None
        return cls(real, overwrite)

    def put(self, name: str, content: bytes) -> bool:
        """Write a file, whole; False where it is there already, byte for byte.

        Raises
        ------
        Refused
            NAME_TAKEN where other content is there, and is not to be overwritten.
        StoreError
            If the folder cannot be written.
        """
        path = self.folder / name
        try:
            if os.path.lexists(path) and not self.overwrite:
                if path.is_file() and path.read_bytes() == content:
                    return False
                raise Refused(Refusal.NAME_TAKEN)
            return replace(path, content)
        except OSError as error:
            reason = os.strerror(error.errno or errno.EIO)
            raise StoreError(f"the destination cannot be written: {reason}") from None


def _sources(vault: Path) -> list[Path]:
    """Whatever was scanned with this vault; none where there is no vault, as where OUT was handed on."""
    if not vault.is_dir():
        return []
    with Vault.open(vault).index() as index:
        return [Path(os.fsdecode(path)) for path in index.sources()]
