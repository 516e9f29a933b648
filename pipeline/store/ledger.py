"""The one truth about what is done: a record a commit, put once, read by everybody.

A reader trusts records, never paths: what has no record is not there.  Records are JSON objects; their
``type`` is ``raw`` (a volume as acquired), ``derived`` (a recipe's outputs of one volume) or ``refused``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.store.files import put_if_absent, replace

Record = dict[str, Any]


@dataclass(frozen=True)
class Ledger:
    """Records below one folder, spread over 256 sub-folders by the head of the volume id."""

    root: Path

    def raw(self, volume_id: str) -> Record | None:
        """The record of a volume as acquired."""
        return self._read(self._path(volume_id, "raw"))

    def derived(self, volume_id: str, recipe: str) -> Record | None:
        """The record of a recipe's outputs; its ``fingerprint`` says from what they were made."""
        return self._read(self._path(volume_id, f"derived-{recipe}"))

    def refused(self, volume_id: str, recipe: str | None) -> Record | None:
        """Why a volume was refused: by the conversion (``None``) or by a recipe."""
        return self._read(self._path(volume_id, _refusal(recipe)))

    def commit(self, record: Record) -> bool:
        """Record a published volume; False when somebody has recorded the same already: theirs holds.

        A derived record of another fingerprint, or a raw one of another edition, is superseded.
        """
        volume_id, kind = record["volume_id"], record["type"]
        name, origin = ("raw", "edition") if kind == "raw" else (f"{kind}-{record['recipe']}", "fingerprint")
        if put_if_absent(self._path(volume_id, name), _encode(record)):
            return True
        known = self._read(self._path(volume_id, name)) or {}
        if known.get(origin) == record[origin]:
            return False
        return replace(self._path(volume_id, name), _encode(record))

    def refuse(self, record: Record) -> bool:
        """Record a refusal, in the place of an earlier one; False if that said the same."""
        return replace(self._path(record["volume_id"], _refusal(record["recipe"])), _encode(record))

    def withdraw(self, volume_id: str, recipe: str | None) -> None:
        """Forget a refusal: the volume has been made after all.  Where there is none, OUT is not written to."""
        path = self._path(volume_id, _refusal(recipe))
        if path.exists():
            path.unlink(missing_ok=True)

    def records(self) -> Iterator[Record]:
        """All of them, in the order of their names."""
        for path in sorted(self.root.glob("??/*.json")):
            record = self._read(path)
            if record is not None:
                yield record

    def _path(self, volume_id: str, name: str) -> Path:
        return self.root / volume_id[:2] / f"{volume_id}-{name}.json"

    @staticmethod
    def _read(path: Path) -> Record | None:
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            return None


def _refusal(recipe: str | None) -> str:
    return "refused" if recipe is None else f"refused-{recipe}"


def _encode(record: Record) -> bytes:
    return json.dumps(record, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"
