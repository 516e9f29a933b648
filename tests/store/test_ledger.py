"""The ledger: put once, superseded by another fingerprint, refusals withdrawn."""

from pipeline.store.ledger import Ledger

VOLUME = "ab" * 16


def raw(sha="1", edition="e"):
    return {"type": "raw", "volume_id": VOLUME, "sha256": sha, "edition": edition}


def derived(fingerprint, path="p"):
    return {"type": "derived", "volume_id": VOLUME, "recipe": "r", "fingerprint": fingerprint, "path": path}


def refused(recipe, reason):
    return {"type": "refused", "volume_id": VOLUME, "recipe": recipe, "reason": reason}


def test_a_raw_record_is_put_once(tmp_path):
    ledger = Ledger(tmp_path)
    assert ledger.raw(VOLUME) is None
    assert ledger.commit(raw())
    assert not ledger.commit(raw("2"))
    assert ledger.raw(VOLUME) == raw()
    assert ledger.commit(raw("3", "other files"))
    assert ledger.raw(VOLUME)["sha256"] == "3"


def test_a_derived_record_is_superseded_by_another_fingerprint_only(tmp_path):
    ledger = Ledger(tmp_path)
    assert ledger.commit(derived("f1", "a"))
    assert not ledger.commit(derived("f1", "b"))
    assert ledger.derived(VOLUME, "r")["path"] == "a"
    assert ledger.commit(derived("f2", "c"))
    assert ledger.derived(VOLUME, "r")["path"] == "c"
    assert len(list(ledger.records())) == 1


def test_refusals_are_replaced_and_withdrawn(tmp_path):
    ledger = Ledger(tmp_path)
    assert ledger.refuse(refused(None, "TRUNCATED"))
    assert not ledger.refuse(refused(None, "TRUNCATED"))
    assert ledger.refuse(refused(None, "DECODE_FAIL"))
    assert ledger.refuse(refused("r", "TOO_LARGE"))
    assert ledger.refused(VOLUME, None)["reason"] == "DECODE_FAIL"
    ledger.withdraw(VOLUME, None)
    ledger.withdraw(VOLUME, None)
    assert ledger.refused(VOLUME, None) is None
    assert [r["reason"] for r in ledger.records()] == ["TOO_LARGE"]


def test_half_written_records_are_not_read(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.commit(raw())
    (tmp_path / VOLUME[:2] / ".x.part").write_text("{")
    assert list(ledger.records()) == [raw()]
