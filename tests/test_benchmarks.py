"""Each benchmark runs, tiny, and tells what it should; nothing here is timed."""

import json

import pytest

from benchmarks import resample
from benchmarks.paired import Timing, paired


def test_resample(tmp_path, capsys):
    path = tmp_path / "resample.json"
    resample.main(["--shape", "6", "20", "24", "--repeats", "2", "--json", str(path), "--date", "2026-01-01"])
    told = json.loads(path.read_text())
    assert [t["name"] for t in told["ours"]] == ["reused buffer", "fresh buffer", "window, float16"]
    assert {len(t["wall"]) for t in told["ours"] + told["peers"]} == {2}
    assert told["shape"] == [6, 20, 24]
    assert told["date"] == "2026-01-01"
    assert set(told["versions"]) == {"numpy", "numba", "simpleitk"}
    assert "SimpleITK" in capsys.readouterr().out


def test_rounds_are_interleaved_forth_and_back():
    ran: list[str] = []
    cases = {name: (lambda name=name: ran.append(name)) for name in "abc"}
    table = paired({"a": cases["a"]}, {"b": cases["b"], "c": cases["c"]}, 2)
    assert "".join(ran) == "abc" + "abc" + "cba"
    assert [t.name for t in table.peers] == ["b", "c"]
    with pytest.raises(ValueError, match="repeats"):
        paired({"a": cases["a"]}, {}, 0)


def test_a_ratio_is_taken_within_a_round():
    ours, peer = Timing("ours", (1.0, 10.0, 2.0), (1, 1, 1)), Timing("peer", (8.0, 90.0, 20.0), (2, 3, 4))
    assert ours.ratio(peer) == (8.0, 9.0, 10.0)
    assert ours.ratio(peer, "cpu") == (2, 3, 4)
