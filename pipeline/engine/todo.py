"""What is to do, and why: a question to the catalog and the ledger, answered before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import duckdb
import pyarrow as pa

import pipeline
from pipeline.engine import memory, records
from pipeline.errors import RecipeError
from pipeline.reasons import MEANINGS, Reason
from pipeline.recipe import Recipe
from pipeline.store.ledger import Ledger, Record


class State(StrEnum):
    """Of a selected stack."""

    TO_DO = "to do"
    STALE = "stale"
    UP_TO_DATE = "up to date"
    REFUSED = "refused"


@dataclass(frozen=True)
class Item:
    """A selected stack: its state and the reason for it in words (no header text).

    ``profile`` is the vendor profile that the recipe takes parameters from, known once it is converted.
    """

    series_id: str
    volume_id: str | None
    edition: str | None
    state: State
    why: str
    nbytes: int = 0
    peak_bytes: int | None = None
    profile: str | None = None


def select(
    stacks: pa.Table,
    recipe: Recipe,
    where: str | None = None,
    shard: tuple[int, int] = (0, 1),
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the stacks table that a run is about: images that match the recipe's and the command's ``where``.

    ``shard`` (i, n) takes every series whose id falls into the i-th of n parts: the same series always
    into the same part.  What was skipped at the scan is in no selection.

    Raises RecipeError where a condition is not SQL over the table.
    """
    connection = duckdb.connect(config={"enable_external_access": "false", "lock_configuration": "true"})
    table = connection.from_arrow(stacks)
    try:
        for condition in (recipe.where, where):
            if condition:
                table = table.filter(f"({condition}) IS TRUE")
        rows = table.order("series_id, stack_id").to_arrow_table().to_pylist()
    except duckdb.Error as error:
        message = str(error).partition("\n")[0]
        raise RecipeError(f"'where' is not a condition over the stacks table: {message}") from None
    part, parts = shard
    rows = [r for r in rows if r["verdict"] != "skipped" and int(r["series_id"][:8], 16) % parts == part]
    return rows if limit is None else rows[:limit]


def classify(ledger: Ledger, recipe: Recipe, rows: Sequence[dict[str, Any]]) -> list[Item]:
    """The state of every selected stack."""
    return [_item(ledger, recipe, row) for row in rows]


def counts(items: Sequence[Item]) -> dict[str, int]:
    """How many of each state, every state named."""
    found = Counter(item.state for item in items)
    return {state.value: found[state] for state in State}


def _item(ledger: Ledger, recipe: Recipe, row: dict[str, Any]) -> Item:
    series_id, volume_id, edition = row["series_id"], row["volume_id"], row["edition"]
    shape = row["n_slices"] or 0, row["rows"] or 0, row["columns"] or 0
    voxels = shape[0] * shape[1] * shape[2]

    def item(state: State, why: str, peak: int | None = None, profile: str | None = None) -> Item:
        return Item(series_id, volume_id, edition, state, why, 2 * voxels, peak, profile)

    if row["verdict"] == "quarantined" or volume_id is None:
        return item(State.REFUSED, row["reason"])
    raw = ledger.raw(volume_id)
    if raw is None:
        refusal = _final(ledger.refused(volume_id, None))
        if refusal:
            return item(State.REFUSED, refusal)
        return item(State.TO_DO, "not converted yet", memory.converting(voxels))
    if raw["edition"] != edition:
        return item(State.STALE, "its files changed since it was converted", memory.converting(voxels))
    if not recipe.chains:
        return item(State.UP_TO_DATE, "converted")
    job = records.compiled(recipe, raw)
    refusal = _final(ledger.refused(volume_id, recipe.name), job.fingerprint if job else None)
    if job is None:
        return item(State.REFUSED, refusal) if refusal else item(State.TO_DO, "not made yet")
    peak, profile = memory.processing(job.plans, len(raw["labels"])), records.profile(job.plans)
    known = ledger.derived(volume_id, recipe.name)
    if known is not None and known["fingerprint"] == job.fingerprint:
        return item(State.UP_TO_DATE, "made by the same stages from the same volume", profile=profile)
    if refusal:
        return item(State.REFUSED, refusal)
    if known is not None:
        return item(State.STALE, "the recipe, a stage's version or the volume changed", peak, profile)
    return item(State.TO_DO, "not made yet", peak, profile)


def _final(refusal: Record | None, made_from: str | None = None) -> str | None:
    """The reason of a refusal, if this version would refuse the same again."""
    if refusal is None or refusal["version"] != pipeline.__version__ or refusal["fingerprint"] != made_from:
        return None
    reason = Reason(refusal["reason"])
    return None if MEANINGS[reason].retry else str(reason)
