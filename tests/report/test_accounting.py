"""Law L1: files found = converted + quarantined + skipped + duplicates (+ pending)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reasons import MEANINGS, Outcome, Reason
from pipeline.report.accounting import Accounting, settle
from tests.report.made import derived, files, name, raw, refused

ENDED = [(None, m.outcome.value, r.value) for r, m in MEANINGS.items()]
OPEN = st.integers(0, 9).map(lambda n: (name(n), None, None))
RUN = [r for r, m in MEANINGS.items() if m.outcome is Outcome.QUARANTINED]


@given(
    st.lists(st.one_of(st.sampled_from(ENDED), OPEN), max_size=60),
    st.sets(st.integers(0, 9)),
    st.dictionaries(st.integers(0, 9), st.sampled_from(RUN)),
)
def test_law_l1_accounting(rows: list, converted: set[int], failed: dict[int, Reason]) -> None:
    records = [raw(n) for n in converted] + [derived(n) for n in converted]
    records += [refused(n, reason) for n, reason in failed.items()]
    account = Accounting.of(settle(files(*rows), records))
    assert account.found == len(rows) == sum(account.parts().values())
    open_ = [v for v, outcome, _ in rows if outcome is None]
    assert account.converted == sum(v in {name(n) for n in converted} for v in open_)
    assert account.pending == sum(v not in {name(n) for n in converted | set(failed)} for v in open_)
    assert account.skipped == sum(outcome == "skipped" for _, outcome, _ in rows)
    assert sum(account.reasons.values()) == account.found - account.converted - account.pending


def test_settling_keeps_what_the_scan_said_and_changes_no_other_column() -> None:
    table = files((None, "duplicate", "DUPLICATE_SOP"), (name(1), None, None), (name(2), None, None))
    settled = settle(table, [raw(1), refused(2, Reason.TRUNCATED)])
    assert settled.column("outcome").to_pylist() == ["duplicate", "converted", "quarantined"]
    assert settled.column("reason").to_pylist() == ["DUPLICATE_SOP", None, "TRUNCATED"]
    assert settled.schema.equals(table.schema, check_metadata=True)
    assert settled.drop_columns(["outcome", "reason"]).equals(table.drop_columns(["outcome", "reason"]))


def test_settling_again_follows_the_records_of_the_day() -> None:
    table = files((None, "skipped", "LOCALIZER"), (name(1), None, None), (name(2), None, None))
    records = [raw(1), refused(2, Reason.DECODER_TIMEOUT)]
    settled = settle(table, records)
    assert settle(settled, records) == settled
    assert settle(settled, []) == table
    assert settle(settled, [raw(1), raw(2)]).column("reason").to_pylist() == ["LOCALIZER", None, None]


def test_a_recipe_that_fails_without_a_raw_volume_settles_its_files_too() -> None:
    settled = settle(files((name(1), None, None)), [refused(1, Reason.POISON, "ct-body")])
    assert settled.column("reason").to_pylist() == ["POISON"]


def test_the_line_adds_up_in_sight() -> None:
    assert Accounting().line() == "0 files found = 0 converted + 0 quarantined + 0 skipped + 0 duplicate"
    assert Accounting(found=2001, converted=1, pending=2000).line().endswith("+ 0 duplicate + 2,000 pending")


def test_an_account_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ValueError, match="does not add up: 3 files found = 1 converted"):
        Accounting(found=3, converted=1)


@pytest.mark.parametrize("row", [(None, "lost", None), (None, "skipped", "BECAUSE")])
def test_words_that_are_not_of_the_lists_are_refused(row: tuple) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        Accounting.of(files(row))


def test_the_raw_volume_decides_how_its_files_end() -> None:
    table = files((name(1), None, None), (name(2), None, None))
    records = [refused(1, Reason.TOO_LARGE, "a"), refused(1, Reason.TRUNCATED), derived(2)]
    settled = settle(table, records)
    assert settled.column("outcome").to_pylist() == ["quarantined", None]
    assert settled.column("reason").to_pylist() == ["TRUNCATED", None]
