"""The folders of OUT.  Names are made of ids and recipe names only, never of anything read from input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Output:
    """OUT, and where things lie in it.  ``raw`` and ``derived`` are relative: records hold them so."""

    root: Path

    @property
    def catalog(self) -> Path:
        return self.root / "catalog"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def fits(self) -> Path:
        return self.root / "fits"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def staging(self) -> Path:
        return self.root / ".staging"

    @property
    def key_fingerprint(self) -> Path:
        """Holds HMAC(key, "scanmill"): says which vault OUT belongs to without telling the key."""
        return self.root / "vault.hmac"

    @staticmethod
    def raw(volume_id: str) -> str:
        return f"raw/{volume_id[:2]}/{volume_id}.zarr"

    @staticmethod
    def derived(recipe: str, volume_id: str, fingerprint: str) -> str:
        return f"derived/{recipe}/{volume_id[:2]}/{volume_id}-{fingerprint[:8]}.zarr"
