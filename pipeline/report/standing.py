"""What the ledger says by now: one record a volume and recipe, and how each volume ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.reasons import MEANINGS, Outcome, Reason
from pipeline.report.tables import RAW

Record = Mapping[str, Any]
"""A commit record, as parsed from JSON; its keys are those of the ledger."""

Key = tuple[str, str]
"""(volume_id, recipe)"""


class Ending(NamedTuple):
    """How a volume ended; ``reasons`` is empty where it was converted."""

    outcome: Outcome
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Standing:
    """Current records by volume and recipe, in that order; a raw volume stands under the recipe ``raw``.

    A volume that was made stands as made, whatever an earlier try said; but the refusal of another
    fingerprint than the one that was made is the newer word: the recipe has changed since.
    """

    made: dict[Key, Record]
    refused: dict[Key, Record]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Standing:
        """From records in any order; the same record twice counts once.

        Raises ValueError for an unknown type of record, and for two different current records of one volume
        and recipe (law L2): which of them is newer cannot be told here.
        """
        made: dict[Key, Record] = {}
        refused: dict[Key, Record] = {}
        for record in records:
            if record["type"] not in ("raw", "derived", "refused"):
                raise ValueError("a record is of none of the types raw, derived, refused")
            side = refused if record["type"] == "refused" else made
            key = (record["volume_id"], record.get("recipe") or RAW)
            if side.setdefault(key, record) != record:
                raise ValueError("two different current records of one volume and recipe")
        newer = {key for key, record in refused.items() if key not in made or _another(record, made[key])}
        return cls(
            {key: made[key] for key in sorted(made) if key not in newer},
            {key: refused[key] for key in sorted(newer)},
        )

    def raw(self, volume_id: str) -> Record:
        """The record of the raw volume; empty where there is none."""
        return self.made.get((volume_id, RAW), {})

    def endings(self) -> dict[str, Ending]:
        """How each volume ended as a source: converted once its raw volume is published.

        A refusal by a recipe says nothing of a volume whose raw form is there; where it is not, the refusal
        of the raw volume counts before that of a recipe.
        """
        found = {volume: Ending(Outcome.CONVERTED) for volume, recipe in self.made if recipe == RAW}
        for (volume, _), record in sorted(self.refused.items(), key=lambda item: (item[0][1] != RAW, item[0])):
            found.setdefault(volume, ending(record))
        return found


def _another(refused: Record, made: Record) -> bool:
    return refused.get("fingerprint") not in (None, made.get("fingerprint"))


def ending(record: Record) -> Ending:
    """How the record of a volume says that it ended.  Raises ValueError for an unknown reason code."""
    if record["type"] != "refused":
        return Ending(Outcome.CONVERTED)
    reason = Reason(record["reason"])
    others = (Reason(r) for r in record.get("reasons") or ())
    return Ending(MEANINGS[reason].outcome, tuple(dict.fromkeys((reason, *others))))
