"""The page: self-contained, escaped, bounded, and true to the tables."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from pipeline.reasons import Reason
from pipeline.report.accounting import Accounting, settle
from pipeline.report.page import ROWS, _bytes, _figure, render
from pipeline.report.rows import build
from pipeline.report.tables import TABLES
from tests.report.made import archive, catalog, derived, name, raw, refused, run, series

VOID = {"meta", "br", "link"}


class Reader(HTMLParser):
    """Collects tags, attributes and text; fails where tags do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(facts: dict[str, Any]) -> str:
    tables = build(**facts)
    return render(tables, Accounting.of(settle(facts["catalog"].files, facts["records"])))


WHOLE = page(archive(60))


def test_nothing_is_loaded_and_nothing_runs() -> None:
    tags = Reader(WHOLE).tags
    assert {t for t, _ in tags} & {"script", "img", "link", "iframe", "object", "embed", "form", "base"} == set()
    for tag, attrs in tags:
        assert not {"src", "srcset", "style", "xlink:href"} & set(attrs), tag
        assert not [a for a in attrs if a.startswith("on")], tag
        assert attrs.get("href", "#").startswith("#")
    assert "://" not in WHOLE
    assert "url(" not in WHOLE
    assert "@import" not in WHOLE
    assert "default-src 'none'" in WHOLE


def test_links_of_the_page_lead_somewhere() -> None:
    tags = Reader(WHOLE).tags
    targets = {attrs["id"] for _, attrs in tags if "id" in attrs}
    links = {attrs["href"][1:] for tag, attrs in tags if tag == "a" and attrs["href"]}
    assert links
    assert links <= targets


def test_it_says_what_was_counted() -> None:
    text = Reader(WHOLE).text
    assert "65 files found = 60 converted + 2 quarantined + 1 skipped + 1 duplicate + 1 pending" in text
    assert "2 files in quarantine, 1 file still to be run." in text
    assert "the decoder refused the pixel data" in text
    assert "DECODE_FAIL" in text
    assert "MISSING_SLICE" in text
    assert "ct-body / ct image, 60 volumes" in text
    assert "Not a medical device" in text
    for schema in TABLES.values():
        assert all(name_ in text for name_ in schema.names)


@pytest.mark.parametrize(
    ("records", "listed", "sentence", "state"),
    [
        ([raw(1)], [name(1)], "Every image found is converted", "converted"),
        ([raw(1)], [name(1), name(2)], "1 file still to be run.", "pending"),
        ([raw(1), refused(2, Reason.POISON)], [name(1), name(2)], "1 file in quarantine.", "quarantined"),
        ([raw(1), refused(1, Reason.TOO_LARGE, "x")], [name(1)], "1 volume refused by a recipe.", "quarantined"),
    ],
)
def test_the_first_sentence_is_the_worst_that_is_true(records: Any, listed: Any, sentence: str, state: str) -> None:
    found = catalog(series(1), series(2), listed=[(v, None, None) for v in listed])
    made = page({"records": records, "catalog": found, "runs": []})
    assert sentence in Reader(made).text
    assert ("p", {"class": f"verdict {state}"}) in Reader(made).tags


def test_texts_are_escaped() -> None:
    evil = '"><script>alert(1)</script>&<b x='
    record = derived(1, recipe=evil)
    record["outputs"] = {evil: record["outputs"]["ct"], "body" + evil: record["outputs"]["body"]}
    record["costs"] = [{"step": evil, "seconds": 1.0, "bytes": 1}]
    row = series(1) | {"modality": evil, "verdict": "quarantined", "reason": evil, "reasons": [evil]}
    facts = archive(0) | {
        "records": [record, raw(1, modality=evil)],
        "catalog": catalog(row, series(2) | {"volume_id": name(1)}),
        "runs": [run(1) | {"recipe": evil, "device": evil, "run_id": evil}],
    }
    made = page(facts)
    assert "<script" not in made
    assert "<b x" not in made
    assert Reader(made).text.count(evil) >= 9


def test_worst_volumes_come_first() -> None:
    facts = archive(30)
    lows = {r["volume_id"]: r["outputs"]["ct"]["qa"]["ssim_local_min"] for r in facts["records"] if "outputs" in r}
    worst = sorted(lows, key=lambda v: (lows[v], v))[:10]
    part = page(facts).split("Worst first")[1].split("</table>")[0]
    assert [
        attrs["title"] for tag, attrs in Reader(part[part.index("<table") :] + "</table>").tags if tag == "code"
    ] == worst


def test_a_large_archive_makes_a_small_page_that_says_what_it_leaves_out() -> None:
    facts = archive(1500)
    known = facts["catalog"].series.to_pylist()
    facts["catalog"] = catalog(*known, *(series(n, Reason.COLOR) for n in range(2000, 3000)))
    made = page(facts)
    assert len(made.encode()) < 2_000_000
    assert made.count("<tr>") < 2 * ROWS + 300
    text = Reader(made).text
    assert f"{3001 - ROWS:,} more are in volumes.parquet" in text
    assert f"{1002 - ROWS:,} more are in series.parquet" in text


def test_superseded_volumes_are_counted_not_shown() -> None:
    facts = archive(2)
    facts["records"] += [raw(9), derived(9)]
    text = Reader(page(facts)).text
    assert name(9) not in text
    assert "2 rows of superseded volumes" in text


def test_an_empty_archive_has_a_page() -> None:
    made = page({"records": [], "catalog": catalog(), "runs": []})
    assert "Nothing has been run yet." in Reader(made).text


def test_ids_alone_not_paths_of_published_groups() -> None:
    assert ".zarr" not in Reader(WHOLE).text.replace(".zarr is", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.99997, "0.999970"),
        (0.99951, "0.999510"),
        (1.0, "1"),
        (12345.6, "12,346"),
        (1234567, "1,234,567"),
        (0.00123456, "0.001235"),
    ],
)
def test_figures_do_not_round_to_what_is_not_true(value: float | None, text: str) -> None:
    assert _figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (999.6, "1 kB"), (2.5e6, "2.5 MB"), (3e15, "3,000.0 TB")],
)
def test_bytes_are_decimal(value: float | None, text: str) -> None:
    assert _bytes(value) == text


def test_refused_volumes_stand_before_the_others() -> None:
    part = WHOLE.split('id="volumes"')[1].split("<tbody>")[1]
    first = part.split("</tr>")[0]
    assert "DECODE_FAIL" in first
    assert part.split("</table>")[0].count("DECODE_FAIL") == 1


def test_the_one_limit_that_the_contract_sets_is_drawn() -> None:
    limits = [words for words in WHOLE.split("<title>") if words.startswith("limit ")]
    assert [words.split("<")[0] for words in limits] == ["limit 0.01"]
