"""Selection and states."""

import pyarrow as pa
import pytest

from pipeline.archive.catalog import STACKS
from pipeline.engine.todo import State, classify, counts, select
from pipeline.errors import RecipeError
from pipeline.recipe import Recipe
from pipeline.store.ledger import Ledger

RAW = Recipe("raw")


def table(*rows):
    return pa.Table.from_pylist(list(rows), schema=pa.schema([f.with_nullable(True) for f in STACKS]))


def row(n, **facts):
    empty = dict.fromkeys(STACKS.names)
    ids = {"stack_id": f"{n:032x}", "series_id": f"{n:08x}" + "0" * 24, "volume_id": f"{n:032x}", "edition": "e"}
    return empty | ids | {"verdict": "accepted"} | facts


def test_a_selection_is_by_recipe_and_command_and_in_order_of_ids():
    series = table(row(3, modality="CT"), row(1, modality="CT", n_slices=9), row(2, modality="MR"))
    recipe = Recipe("ct", "modality = 'CT'")
    assert [r["series_id"][:8] for r in select(series, recipe)] == ["00000001", "00000003"]
    assert [r["series_id"][:8] for r in select(series, recipe, "n_slices > 5")] == ["00000001"]
    assert len(select(series, RAW, limit=2)) == 2


def test_what_the_scan_skipped_is_in_no_selection():
    assert select(table(row(1, verdict="skipped", volume_id=None)), RAW) == []


def test_shards_share_the_series_out():
    series = table(*[row(n) for n in range(20)])
    parts = [{r["series_id"] for r in select(series, RAW, shard=(n, 3))} for n in range(3)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 20


@pytest.mark.parametrize(
    "condition", ["modalty = 'CT'", "modality =", "1; SELECT 1", "read_blob('/etc/hostname') IS NULL"]
)
def test_no_condition_reads_files_or_says_more_than_one_thing(condition):
    with pytest.raises(RecipeError):
        select(table(row(1)), RAW, condition)


def test_states_follow_the_ledger(tmp_path):
    ledger = Ledger(tmp_path)
    rows = [row(n) for n in range(4)] + [row(4, verdict="quarantined", volume_id=None, reason="TRUNCATED")]
    ledger.commit({"type": "raw", "volume_id": rows[1]["volume_id"], "edition": "e"})
    for n, reason, version in ((2, "DECODE_FAIL", "0.1.0"), (3, "DECODE_FAIL", "0.0.1")):
        record = {"type": "refused", "volume_id": rows[n]["volume_id"], "recipe": None, "fingerprint": None}
        ledger.refuse(record | {"reason": reason, "version": version})
    items = classify(ledger, RAW, rows)
    states = [State.TO_DO, State.UP_TO_DATE, State.REFUSED, State.TO_DO, State.REFUSED]
    assert [item.state for item in items] == states
    assert counts(items) == {"to do": 2, "stale": 0, "up to date": 1, "refused": 2}


def test_a_refusal_that_may_pass_is_tried_again(tmp_path):
    ledger = Ledger(tmp_path)
    refusal = {
        "type": "refused",
        "volume_id": row(1)["volume_id"],
        "recipe": None,
        "fingerprint": None,
        "version": "0.1.0",
    }
    ledger.refuse(refusal | {"reason": "UNREADABLE_IO"})
    assert [item.state for item in classify(ledger, RAW, [row(1)])] == [State.TO_DO]
